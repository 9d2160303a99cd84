// controller/console/pages/sessions.js: who is connected now.
import { get } from "../lib/api.js";
import { field, h, put } from "../lib/dom.js";
import { number } from "../lib/format.js";
import { on, whenever } from "../lib/live.js";
import { afterwards } from "../lib/afterwards.js";
import { endSession, sessionColumns } from "../lib/sessions.js";
import { PAGE, PagedTable } from "../lib/table.js";

const SECONDS = 3;
const SLOW_SECONDS = 10;   // counts of stanzas, which no event tells

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
    const tell = (sessions, hibernating) => {
        count.textContent = `${number(sessions)} sessions, ` +
            `${number(hibernating)} of them without a connection`;
    };
    onStatus((status) => tell(status.sessions, status.hibernating));
    on("state", signal, ({ sessions, hibernating }) => tell(sessions, hibernating));
    await whenever(["sessions"], SECONDS, signal, () => live.checked || list.table.size === 0
        ? list.refresh() : undefined, failed, SLOW_SECONDS);
}
