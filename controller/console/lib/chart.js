// controller/console/lib/chart.js: lines over the last minutes (Chart.js), in the page's colours.
import "./chart.min.js";
import { h } from "./dom.js";

const { Chart } = globalThis;
const SECONDS = 300;
const COLOURS = ["--series-1", "--series-2", "--series-3"];

function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function ago(seconds) {
    if (seconds === 0) return "now";
    return seconds % 60 === 0 ? `${-seconds / 60} min` : `${-seconds} s`;
}

function scales(format) {
    const line = { color: colour("--line"), drawBorder: false };
    const ticks = { color: colour("--muted"), maxTicksLimit: 6 };
    return {
        x: { type: "linear", min: -SECONDS, max: 0, grid: line,
            ticks: { ...ticks, stepSize: 60, maxRotation: 0, callback: ago } },
        y: { beginAtZero: true, grid: line,
            ticks: { ...ticks, maxTicksLimit: 4, callback: format } },
    };
}

/// series: names of the lines. `add(seconds, values)` puts a point to each; null is a gap.
export class LineChart {
    constructor({ title, series, format, signal }) {
        this.format = format;
        this.points = [];
        const canvas = h("canvas",
            { role: "img", "aria-label": `${title}, the last five minutes` });
        this.element = h("figure", { class: "chart" },
            h("figcaption", {}, title), h("div", { class: "canvas" }, canvas));
        this.chart = new Chart(canvas, {
            type: "line",
            data: { datasets: series.map((label) => ({
                label, data: [], borderWidth: 2, pointRadius: 0, tension: 0.25,
                fill: series.length === 1,
            })) },
            options: {
                animation: false, responsive: true, maintainAspectRatio: false, parsing: false,
                interaction: { mode: "nearest", axis: "x", intersect: false },
                plugins: {
                    legend: { display: series.length > 1, align: "end",
                        labels: { boxWidth: 12, boxHeight: 2 } },
                    tooltip: { callbacks: {
                        title: ([item]) => ago(Math.round(item.parsed.x)),
                        label: (item) => `${item.dataset.label}: ${format(item.parsed.y)}`,
                    } },
                },
            },
        });
        const dark = matchMedia("(prefers-color-scheme: dark)");
        dark.addEventListener("change", () => this.#draw(), { signal });
        signal.addEventListener("abort", () => this.chart.destroy());
        this.#draw();
    }

    add(seconds, values) {
        this.points.push({ seconds, values });
        while (this.points[0].seconds < seconds - SECONDS) this.points.shift();
        this.#draw();
    }

    #draw() {
        const { chart } = this;
        const now = this.points.at(-1)?.seconds ?? 0;
        chart.data.datasets.forEach((dataset, i) => {
            dataset.data = this.points.map(({ seconds, values }) =>
                ({ x: seconds - now, y: values[i] ?? NaN }));
            dataset.borderColor = colour(COLOURS[i]);
            dataset.backgroundColor = colour(COLOURS[i]) + "22";
        });
        chart.options.scales = scales(this.format);
        chart.options.plugins.legend.labels.color = colour("--muted");
        chart.update();
    }
}
