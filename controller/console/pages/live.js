// controller/console/pages/live.js: who connects and who accesses what, as it happens.
import { get } from "../lib/api.js";
import { auditColumns } from "../lib/audit.js";
import { button, field, h, put, replace, select } from "../lib/dom.js";
import { number } from "../lib/format.js";
import { isLive, on, whenever } from "../lib/live.js";
import { Table } from "../lib/table.js";

const KEPT_MAX = 500;
const SHOWN_MAX = 200;
const DRAW_MILLISECONDS = 300;
const POLL_SECONDS = 5;

const KINDS = [["", "everything"], ["deny", "what was denied"], ["allow", "what was allowed"],
    ["connections", "who connects and leaves"], ["info", "what was done"]];
const CONNECTIONS = new Set(["connect", "disconnect", "login", "logout", "resume",
    "login-refused"]);

function fits(record, kind, text) {
    if (kind === "connections" && !CONNECTIONS.has(record.operation)) return false;
    if (kind !== "" && kind !== "connections" && record.decision !== kind) return false;
    return text === "" || [record.actor, record.target, record.topic, record.operation,
        record.address, record.rule].some((one) => one.toLowerCase().includes(text));
}

/// show(page): see app.js.
export async function show({ section, query, signal, failed }) {
    const kind = select("kind", KINDS, query.get("kind") ?? "");
    const find = h("input", { type: "search", name: "find", autocomplete: "off",
        autocapitalize: "none", value: query.get("find") ?? "", placeholder: "sensor7" });
    const state = h("p", { class: "muted", role: "status" });
    const table = new Table({ label: "Records", columns: auditColumns, key: ({ id }) => id,
        empty: "Nothing that fits has happened yet." });
    const pause = button("Pause", () => {
        isPaused = !isPaused;
        pause.textContent = isPaused ? "Go on" : "Pause";
        pause.setAttribute("aria-pressed", String(isPaused));
        draw();
    }, { "aria-pressed": "false" });
    put(section, h("h1", {}, "Live"),
        h("div", { class: "tools" }, field("Show", kind), field("With", find),
            h("div", { class: "actions" }, pause)),
        state, table.element);

    let kept = [];
    let isPaused = false;
    let lost = 0;
    let timer = 0;
    function draw() {
        clearTimeout(timer);
        timer = 0;
        const shown = isPaused ? "Paused." : isLive() ? "Live." : "Asked for every five seconds.";
        const gone = lost > 0 &&
            ` ${number(lost)} more records came too fast to be shown: they are in the audit.`;
        replace(state, shown, gone);
        if (isPaused) return;
        const text = find.value.trim().toLowerCase();
        table.rows = kept.filter((record) => fits(record, kind.value, text)).slice(0, SHOWN_MAX);
    }
    function take(records) {
        const known = new Set(kept.map(({ id }) => id));
        kept = [...records.filter(({ id }) => !known.has(id)), ...kept]
            .sort((a, b) => a.id < b.id ? 1 : -1).slice(0, KEPT_MAX);
        timer ||= setTimeout(draw, DRAW_MILLISECONDS);
    }
    for (const input of [kind, find]) input.addEventListener("input", draw);
    on("audit", signal, (record) => take([record]));
    on("lost", signal, ({ records, events }) => {
        lost += records ?? events ?? 0;
        timer ||= setTimeout(draw, DRAW_MILLISECONDS);
    });
    signal.addEventListener("abort", () => clearTimeout(timer));
    await whenever([], POLL_SECONDS, signal, async () => {
        take((await get("audit", { max: 100 }, signal)).records);
        draw();
    }, failed);
}
