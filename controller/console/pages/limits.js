// controller/console/pages/limits.js: limits that were hit, refusals, complaints of the log.
import { metricsText } from "../lib/api.js";
import { dash, h, put, quoted } from "../lib/dom.js";
import { ago, number } from "../lib/format.js";
import { hits } from "../lib/hits.js";
import { whenever } from "../lib/live.js";
import { parse } from "../lib/metrics.js";
import { Table } from "../lib/table.js";

const SECONDS = 5;

/// `since`: the counts when the page was opened.
function tableOf(label, empty, since, hasKey) {
    const more = (row) => row.count - (since.get(row.what) ?? 0);
    return new Table({
        label, key: ({ what }) => what, empty,
        columns: [
            { label: "What", class: "wide", cell: ({ what }) => quoted(what) },
            ...(hasKey ? [{ label: "Set by", cell: ({ key }) =>
                key ? h("code", {}, key) : dash() }] : []),
            { label: "Since the start", class: "number", cell: ({ count }) => number(count) },
            { label: "While this page was open", class: "number",
                cell: (row) => more(row) > 0 ? `+${number(more(row))}` : dash() },
        ],
    });
}

/// show(page): see app.js.
export async function show({ section, signal, status, refreshStatus, failed }) {
    const since = new Map();
    let isFirst = true;
    const tables = {
        limits: tableOf("Limits that were hit", "No limit was hit since the start.", since, true),
        refusals: tableOf("Refusals", "Nothing was refused since the start.", since, false),
        log: tableOf("Warnings and errors", "The log has neither warning nor error.", since, false),
    };
    const started = h("p", { class: "muted" });
    put(section, h("h1", {}, "Limits"), started,
        h("h2", {}, "Limits that were hit"), tables.limits.element,
        h("div", { class: "heading" }, h("h2", {}, "Refused logins and requests"),
            h("a", { href: "#/audit?decision=deny" }, "Denials in the audit")),
        tables.refusals.element,
        h("h2", {}, "Warnings and errors of the log"), tables.log.element);
    await whenever(["accounts"], SECONDS, signal, async () => {
        const [samples] = await Promise.all([metricsText(signal).then(parse), refreshStatus()]);
        const found = hits(status(), samples);
        started.replaceChildren();
        put(started, "The server was started ", ago(status().started), ".");
        for (const [name, rows] of Object.entries(found)) {
            if (isFirst) for (const { what, count } of rows) since.set(what, count);
            tables[name].rows = rows;
        }
        isFirst = false;
    }, failed, SECONDS);
}
