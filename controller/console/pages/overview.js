// controller/console/pages/overview.js: what the grid does now, and how much of it.
import { get, metricsText } from "../lib/api.js";
import { auditColumns } from "../lib/audit.js";
import { LineChart } from "../lib/chart.js";
import { h, put, quoted, replace } from "../lib/dom.js";
import { bytes, milliseconds, number, rate } from "../lib/format.js";
import { Interval, parse, sum } from "../lib/metrics.js";
import { every } from "../lib/poll.js";
import { Table } from "../lib/table.js";

const METRICS_SECONDS = 2;
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
    tiles.sessions.set(number(sum(now, "gridd_sessions")),
        `${number(sum(now, "gridd_sessions", { transport: "none" }))} without a connection`);
    tiles.accounts.set(number(sum(now, "gridd_accounts", { state: "enabled" })),
        `${number(sum(now, "gridd_accounts", { state: "pending" }))} waiting`);
    tiles.topics.set(number(sum(now, "gridd_nodes")), `${number(sum(now, "gridd_items"))} items, ` +
        `${number(sum(now, "gridd_subscriptions"))} subscriptions`);
}

function showRates(tiles, charts, interval, seconds) {
    const publishes = interval.rate("gridd_broker_events_total", { event: "item_published" });
    const deliveries = interval.rate("gridd_items_delivered_total");
    const commit = interval.quantile(0.99, "gridd_commit_seconds");
    const fanOut = interval.quantile(0.99, "gridd_fanout_seconds");
    const handshakes = interval.rate("gridd_tls_handshake_seconds_count");
    const denials = interval.rate("gridd_policy_decisions_total", { decision: "deny" });
    const refusals = interval.rate("gridd_refusals_total");
    tiles.publishes.set(rate(publishes));
    tiles.deliveries.set(rate(deliveries));
    tiles.commit.set(milliseconds(commit), commit === null ? "no commit just now" : "");
    tiles.decisions.set(rate(denials), `${rate(refusals)} refused logins and requests`);
    const cpu = interval.rate("process_cpu_seconds_total");
    tiles.process.set(bytes(sum(interval.after, "process_resident_memory_bytes")),
        cpu === null ? "" : `${Math.round(cpu * 100)} % of a core`);
    charts.traffic.add(seconds, [publishes, deliveries]);
    charts.time.add(seconds, [commit, fanOut]);
    charts.sessions.add(seconds, [sum(interval.after, "gridd_sessions"), handshakes]);
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
    const activity = new Table({
        label: "Activity", columns: auditColumns, key: ({ id }) => id,
        empty: "The audit has no record yet.",
    });
    put(section, h("h1", {}, "Overview"), problems,
        h("div", { class: "tiles" }, Object.values(tiles).map(({ element }) => element)),
        h("div", { class: "charts" }, Object.values(charts).map(({ element }) => element)),
        h("div", { class: "heading" }, h("h2", {}, "Latest activity"),
            h("a", { href: "#/audit" }, "All of the audit")),
        activity.element);
    onStatus((status) => replace(problems, status.problems.map((problem) =>
        h("p", { class: "problem" }, quoted(problem)))));

    let before = null;
    every(METRICS_SECONDS, signal, async () => {
        const now = parse(await metricsText(signal));
        const seconds = performance.now() / 1000;
        showState(tiles, now);
        if (before)
            showRates(tiles, charts, new Interval(before.samples, now, seconds - before.seconds),
                seconds);
        before = { samples: now, seconds };
    }, failed);
    await every(ACTIVITY_SECONDS, signal, async () => {
        activity.rows = (await get("audit", { max: ACTIVITY_MAX }, signal)).records;
    }, failed);
}
