// controller/console/pages/audit.js: who did what, and which rule decided.
import { get } from "../lib/api.js";
import { auditColumns } from "../lib/audit.js";
import { address, button, dash, field, h, put, select } from "../lib/dom.js";
import { fingerprint, number } from "../lib/format.js";
import { PAGE, PagedTable } from "../lib/table.js";

const FIELDS = ["account", "topic", "operation", "decision", "from", "to"];

/// The value of a datetime-local field, which is UTC here, as an XEP-0082 text.
function instant(value) {
    return value === "" ? "" : `${value}${value.length === 16 ? ":00" : ""}Z`;
}

function place(record) {
    if (record.number === null) return dash();
    return h("details", {}, h("summary", {}, number(record.number)), fingerprint(record.hash));
}

/// show(page): see app.js.
export async function show({ section, query, signal }) {
    const input = (name, more = {}) =>
        h("input", { name, value: query.get(name) ?? "", autocomplete: "off",
            autocapitalize: "none", ...more });
    const form = h("form", { class: "tools", role: "search" },
        field("Account", input("account", { placeholder: "sensor7@grid.example" })),
        field("Topic", input("topic")),
        field("Operation", input("operation", { placeholder: "publish" })),
        field("Decision", select("decision",
            [["", "any"], ["allow", "allow"], ["deny", "deny"], ["info", "info"]],
            query.get("decision") ?? "")),
        field("From (UTC)", input("from", { type: "datetime-local" })),
        field("To (UTC)", input("to", { type: "datetime-local" })),
        h("div", { class: "actions" }, h("button", { type: "submit", class: "primary" }, "Search"),
            button("Clear", () => {
                location.hash = "#/audit";
            })));
    const asked = () => Object.fromEntries(FIELDS.map((name) =>
        [name, form.elements[name].value.trim()]));
    const list = new PagedTable({
        label: "Records", key: ({ id }) => id, empty: "No record fits.",
        columns: [...auditColumns, { label: "Number", class: "number", cell: place }],
        load: async (after) => {
            const { from, to, ...rest } = asked();
            const page = await get("audit",
                { ...rest, from: instant(from), to: instant(to), after, max: PAGE }, signal);
            return { rows: page.records, next: page.next };
        },
    });
    form.addEventListener("submit", (event) => {
        event.preventDefault();
        // The address is the search: it can be kept, and sent to a colleague.
        const next = address("audit", undefined, asked());
        if (next === location.hash) list.refresh(1);
        else location.hash = next;
    });
    put(section, h("h1", {}, "Audit"), form, list.element);
    await list.refresh(1);
}
