// controller/console/pages/sessions.js: who is connected now.
import { get } from "../lib/api.js";
import { field, h, put } from "../lib/dom.js";
import { number } from "../lib/format.js";
import { afterwards, every } from "../lib/poll.js";
import { endSession, sessionColumns } from "../lib/sessions.js";
import { PAGE, PagedTable } from "../lib/table.js";

const SECONDS = 3;

/// show(page): see app.js.
export async function show({ section, query, signal, onStatus, failed }) {
    const find = h("input", { type: "search", name: "jid", autocomplete: "off",
        autocapitalize: "none", placeholder: "sensor7@grid.example",
        value: query.get("jid") ?? "" });
    const live = h("input", { type: "checkbox", name: "live", checked: true });
    const count = h("p", { class: "muted" });
    const list = new PagedTable({
        label: "Sessions", key: ({ id }) => id, empty: "There is no such session.",
        columns: sessionColumns(async (session) => await endSession(session) && list.refresh()),
        load: async (after) => {
            const page = await get("sessions",
                { jid: find.value.trim(), after, max: PAGE }, signal);
            return { rows: page.sessions, next: page.next };
        },
    });
    find.addEventListener("input", afterwards(400, () => list.refresh(1)));
    put(section, h("h1", {}, "Sessions"),
        h("div", { class: "tools" }, field("Account", find),
            h("label", { class: "inline" }, live, " Live")),
        count, list.element);
    onStatus((status) => {
        count.textContent = `${number(status.sessions)} sessions, ` +
            `${number(status.hibernating)} of them without a connection`;
    });
    await every(SECONDS, signal, () => live.checked || list.table.size === 0
        ? list.refresh() : undefined, failed);
}
