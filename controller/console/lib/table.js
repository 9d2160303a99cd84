// controller/console/lib/table.js: lists as tables, which are cards on a narrow screen.
import { get } from "./api.js";
import { button, h, replace } from "./dom.js";
import { reachable } from "./scroll.js";

/// So many rows at a time.
export const PAGE = 100;

/// columns: [{ label, cell(row) → node or text, class? }…]. `rows` can be set again and again:
/// cells that look as before stay, and so does the one that has the focus.
export class Table {
    constructor({ label, columns, key, empty }) {
        this.columns = columns;
        this.key = key;
        this.empty = empty;
        // Roles, since a narrow screen shows a row as a card, which a browser takes for no row.
        this.body = h("tbody", { role: "rowgroup" });
        this.nothing = h("p", { class: "empty", hidden: true });
        const heads = columns.map((column) => h("th",
            { scope: "col", role: "columnheader", class: column.class }, column.label));
        this.table = h("table", { role: "table", "aria-label": label },
            h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, heads)), this.body);
        this.element = reachable(h("div", { class: "table" }, this.table, this.nothing), label);
        this.shown = new Map();
    }

    set rows(rows) {
        const next = new Map();
        for (const row of rows) next.set(String(this.key(row)), this.#rowFor(row));
        const wanted = [...next.values()].map(({ element }) => element);
        const present = [...this.body.children];
        if (wanted.length !== present.length || wanted.some((row, i) => row !== present[i])) {
            // Moving the row that has the focus would take it away.
            const focused = document.activeElement;
            this.body.replaceChildren(...wanted);
            if (focused && this.body.contains(focused)) focused.focus({ preventScroll: true });
        }
        this.shown = next;
        this.table.hidden = next.size === 0;
        this.nothing.hidden = next.size > 0;
        if (next.size === 0) replace(this.nothing, this.empty);
    }

    get size() {
        return this.shown.size;
    }

    #rowFor(row) {
        const before = this.shown.get(String(this.key(row)));
        const content = JSON.stringify(row);
        if (!before)
            return { row, content, element: h("tr", { role: "row" }, this.#cells(row)) };
        if (before.content === content && !this.columns.some(({ isLive }) => isLive)) return before;
        // A cell that looks as before stays, since a person may be about to press its button, which
        // then acts on what the row is now.
        Object.assign(before.row, row);
        before.content = content;
        this.#cells(before.row).forEach((cell, i) => {
            const old = before.element.children[i];
            if (!looksLike(old, cell) && !old.contains(document.activeElement))
                old.replaceWith(cell);
        });
        return before;
    }

    #cells(row) {
        return this.columns.map((column) =>
            h("td", { role: "cell", "data-label": column.label, class: column.class },
                reachable(h("div", { class: "cell" }, column.cell(row)), column.label)));
    }
}

/// Cells of one column: a box that scrolls has attributes that a new one has not yet.
function looksLike(old, cell) {
    const [before, now] = [old, cell].map((one) => [...one.firstChild.childNodes]);
    return before.length === now.length && before.every((node, i) => node.isEqualNode(now[i]));
}

/// A page of a list that the server searches: it looks at so many names at one time, and an answer
/// may be short, or empty, and not the last.
export async function found(where, member, query, signal) {
    const rows = [];
    let after = query.after;
    do {
        const page = await get(where, { ...query, after, max: PAGE - rows.length }, signal);
        rows.push(...page[member]);
        after = page.next ?? "";
    } while (after !== "" && rows.length < PAGE);
    return { rows, next: after };
}

/// A table of a list that comes in pages. `load(after)` gives { rows, next }.
export class PagedTable {
    constructor({ load, ...about }) {
        this.load = load;
        this.table = new Table(about);
        this.more = button("Show more", () => this.#append(), { class: "more", hidden: true });
        this.problem = h("p", { class: "problem", role: "alert", hidden: true });
        this.element = h("div", {}, this.problem, this.table.element, this.more);
        this.rows = [];
        this.pages = 1;
        this.turn = 0;
    }

    /// From the beginning, as many pages as were shown.
    async refresh(pages = this.pages) {
        const turn = ++this.turn;
        const rows = [];
        let next = "";
        let count = 0;
        try {
            do {
                const page = await this.load(next);
                rows.push(...page.rows);
                next = page.next ?? "";
                ++count;
            } while (next !== "" && count < pages);
        } catch (error) {
            return this.#failed(error);
        }
        if (turn === this.turn) this.#show(rows, next, count);
    }

    async #append() {
        const turn = ++this.turn;
        try {
            const page = await this.load(this.next);
            if (turn === this.turn)
                this.#show([...this.rows, ...page.rows], page.next ?? "", this.pages + 1);
        } catch (error) {
            this.#failed(error);
        }
    }

    #show(rows, next, pages) {
        Object.assign(this, { rows, next, pages: Math.max(pages, 1) });
        this.table.rows = rows;
        this.more.hidden = next === "";
        this.problem.hidden = true;
    }

    #failed(error) {
        if (error.name === "AbortError") return;
        if (error.isAboutIdentity) throw error;
        replace(this.problem, error.message);
        this.problem.hidden = false;
    }
}
