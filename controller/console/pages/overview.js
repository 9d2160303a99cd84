// controller/console/pages/overview.js: what the grid does now, and how much of it.
import { get } from "../lib/api.js";
import { auditColumns } from "../lib/audit.js";
import { LineChart } from "../lib/chart.js";
import { h, put, quoted, replace } from "../lib/dom.js";
import { bytes, milliseconds, number, rate } from "../lib/format.js";
import { on, whenever } from "../lib/live.js";
import { afterwards } from "../lib/afterwards.js";
import { Table } from "../lib/table.js";

const ACTIVITY_SECONDS = 5;
const ACTIVITY_MAX = 12;

function tile(label, to) {
    const value = h("strong", {}, "–");
    const detail = h("small");
    const element = h(to ? "a" : "div", { class: "tile", href: to },
        h("span", { class: "label" }, label), value, detail);
    return { element, set(text, more = "") {
        replace(value, text);
        replace(detail, more);
    } };
}

function makeTiles() {
    return {
        sessions: tile("Sessions", "#/sessions"), accounts: tile("Accounts", "#/accounts"),
        topics: tile("Topics", "#/topics"), publishes: tile("Publishes a second"),
        deliveries: tile("Deliveries a second"), commit: tile("Commit, 99 of 100"),
        decisions: tile("Policy denials a second", "#/audit?decision=deny"),
        process: tile("Memory", "#/health"),
    };
}

function showState(tiles, now) {
    tiles.sessions.set(number(now.sessions), `${number(now.hibernating)} without a connection`);
    tiles.accounts.set(number(now.accounts.enabled), `${number(now.accounts.pending)} waiting`);
    tiles.topics.set(number(now.topics), `${number(now.items)} items, ` +
        `${number(now.subscriptions)} subscriptions`);
}

function showRates(tiles, charts, { rates, sessions, memory_bytes: memory }, seconds) {
    const { commit_seconds_p99: commit, fanout_seconds_p99: fanOut } = rates;
    tiles.process.set(bytes(memory), `${Math.round(rates.cpu * 100)} % of a core`);
    tiles.publishes.set(rate(rates.published));
    tiles.deliveries.set(rate(rates.delivered));
    tiles.commit.set(milliseconds(commit), commit === null ? "no commit just now" : "");
    tiles.decisions.set(rate(rates.denied), `${rate(rates.refused)} refused logins and requests`);
    charts.traffic.add(seconds, [rates.published, rates.delivered]);
    charts.time.add(seconds, [commit, fanOut]);
    charts.sessions.add(seconds, [sessions, rates.logins]);
}

/// show(page): see app.js.
export async function show({ section, signal, onStatus, failed }) {
    const tiles = makeTiles();
    const charts = {
        traffic: new LineChart({ title: "Items a second", series: ["published", "delivered"],
            format: rate, signal }),
        time: new LineChart({ title: "Commit and fan-out, 99 of 100", series: ["commit", "fan-out"],
            format: milliseconds, signal }),
        sessions: new LineChart({ title: "Sessions", series: ["sessions", "logins a second"],
            format: rate, signal }),
    };
    const problems = h("div");
    const quiet = h("div");
    const activity = new Table({
        label: "Activity", columns: auditColumns, key: ({ id }) => id,
        empty: "The audit has no record yet.",
    });
    put(section, h("h1", {}, "Overview"), problems, quiet,
        h("div", { class: "tiles" }, Object.values(tiles).map(({ element }) => element)),
        h("div", { class: "charts" }, Object.values(charts).map(({ element }) => element)),
        h("div", { class: "heading" }, h("h2", {}, "Latest activity"),
            h("a", { href: "#/live" }, "More, as it happens")),
        activity.element);
    onStatus((status) => {
        showState(tiles, status);
        replace(problems, status.problems.map((problem) =>
            h("p", { class: "problem" }, quoted(problem))));
    });

    on("state", signal, (now) => {
        showState(tiles, now);
        if (now.rates) showRates(tiles, charts, now, performance.now() / 1000);
        replace(quiet);
    });
    const noRates = () => replace(quiet, h("p", { class: "note" },
        "The server does not tell its rates just now: it may have too many listeners."));
    on("end", signal, noRates);
    let latest = [];
    const shows = () => {
        activity.rows = latest;
    };
    const draw = afterwards(200, shows);
    on("audit", signal, (record) => {
        latest = [record, ...latest.filter(({ id }) => id !== record.id)]
            .sort((a, b) => a.id < b.id ? 1 : -1).slice(0, ACTIVITY_MAX);
        draw();
    });
    await whenever([], ACTIVITY_SECONDS, signal, async () => {
        latest = (await get("audit", { max: ACTIVITY_MAX }, signal)).records;
        shows();
    }, failed);
}
