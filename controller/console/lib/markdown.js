// controller/console/lib/markdown.js: Markdown as elements: what the manual uses of it.
//
// Headings, paragraphs, lists, tables, fenced code, quotes, rules; in a line: code, strong,
// emphasis, links. All else is text: markup of HTML is shown as it stands.
import { h } from "./dom.js";

const FENCE = /^(\s*)(`{3,}|~{3,})\s*([^`]*)$/;
const HEADING = /^ {0,3}(#{1,6})\s+(.*?)\s*#*\s*$/;
const RULE = /^ {0,3}([-*_])(?:\s*\1){2,}\s*$/;
const ITEM = /^(\s*)([-*+]|\d{1,9}[.)])(\s+|$)(.*)$/;
const TABLE_RULE = /^\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*$/;
const DEPTH_MAX = 8;

/// "Getting started (Debian)" → "getting-started-debian", as in links to it.
export function anchorOf(text) {
    return text.toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, "").trim().replace(/\s/g, "-");
}

// --- in a line ---------------------------------------------------------------------------------

const INLINE = new RegExp([
    /\\([!-/:-@[-`{-~])/,                                        // 1: escaped
    /(`+)(?!`)(.+?)(?<!`)\2(?!`)/,                               // 2, 3: code
    /!?\[((?:[^[\]\\]|\\.|\[[^\]]*\])*)\]\(\s*<?([^\s<>()]*(?:\([^\s()]*\)[^\s<>()]*)*)>?(?:\s+"[^"]*")?\s*\)/,
    /<(https?:[^\s<>]+)>/,                                       // 6: address
    /(\*\*|__)(?=\S)([^]*?\S)\7/,                                // 7, 8: strong
    /(?<![\w*])([*_])(?=[^\s*_])([^]*?[^\s*_])\9(?![\w*])/,      // 9, 10: emphasis
].map((part) => part.source).join("|"), "u");

/// Nodes of a text without line structure. `to(target, nodes)` makes a link.
function inline(text, to, depth = 0) {
    const nodes = [];
    let left = text;
    while (left !== "") {
        const found = depth < DEPTH_MAX ? INLINE.exec(left) : null;
        if (!found) {
            nodes.push(left);
            break;
        }
        if (found.index > 0) nodes.push(left.slice(0, found.index));
        nodes.push(element(found, to, depth + 1));
        left = left.slice(found.index + found[0].length);
    }
    return nodes;
}

function element(found, to, depth) {
    const [, escaped, , code, label, target, address, , strong, , emphasis] = found;
    if (escaped !== undefined) return escaped;
    if (code !== undefined) return h("code", {}, code.replace(/^ (.*\S.*) $/, "$1"));
    if (label !== undefined) return to(target, inline(label, to, depth));
    if (address !== undefined) return to(address, [address]);
    if (strong !== undefined) return h("strong", {}, inline(strong, to, depth));
    return h("em", {}, inline(emphasis, to, depth));
}

// --- blocks ------------------------------------------------------------------------------------

const indentOf = (line) => line.length - line.trimStart().length;

/// The cells of a row; `\|` is no border.
function cells(line) {
    const parts = line.trim().replace(/^\|/, "").replace(/(?<!\\)\|$/, "").split(/(?<!\\)\|/);
    return parts.map((part) => part.trim().replaceAll("\\|", "|"));
}

class Reader {
    constructor(lines, to, depth) {
        Object.assign(this, { lines, to, depth, at: 0, blocks: [] });
    }

    read() {
        while (this.at < this.lines.length) this.#block();
        return this.blocks;
    }

    #block() {
        const line = this.lines[this.at];
        if (line.trim() === "") {
            ++this.at;
        } else if (FENCE.test(line)) {
            this.#fence(FENCE.exec(line));
        } else if (HEADING.test(line)) {
            const [, marks, text] = HEADING.exec(line);
            const nodes = inline(text, this.to);
            const heading = h(`h${marks.length}`, {}, nodes);
            heading.id = "manual-" + anchorOf(heading.textContent);
            this.blocks.push(heading);
            ++this.at;
        } else if (RULE.test(line)) {
            this.blocks.push(h("hr"));
            ++this.at;
        } else if (line.includes("|") && TABLE_RULE.test(this.lines[this.at + 1] ?? "")) {
            this.#table();
        } else if (ITEM.test(line) && this.depth < DEPTH_MAX) {
            this.#list();
        } else if (/^ {0,3}>/.test(line) && this.depth < DEPTH_MAX) {
            this.#quote();
        } else {
            this.#paragraph();
        }
    }

    #fence([, indent, fence, info]) {
        const code = [];
        for (++this.at; this.at < this.lines.length; ++this.at) {
            const line = this.lines[this.at];
            const end = line.trim();
            if (end.startsWith(fence) && end === fence[0].repeat(end.length)) break;
            code.push(line.slice(Math.min(indent.length, indentOf(line))));
        }
        ++this.at;
        const language = info.trim().split(/\s/, 1)[0];
        this.blocks.push(h("pre", { tabindex: "0", role: "group",
            "aria-label": language === "" ? "Example" : `Example, ${language}` },
        h("code", {}, code.join("\n"))));
    }

    #table() {
        const row = (tag, line, width) => {
            const found = cells(line);
            return h("tr", {}, Array.from({ length: width }, (_, i) =>
                h(tag, tag === "th" ? { scope: "col" } : {}, inline(found[i] ?? "", this.to))));
        };
        const width = cells(this.lines[this.at]).length;
        const head = row("th", this.lines[this.at], width);
        const body = [];
        for (this.at += 2; this.at < this.lines.length; ++this.at) {
            if (!this.lines[this.at].includes("|")) break;
            body.push(row("td", this.lines[this.at], width));
        }
        this.blocks.push(h("div", { class: "scroll", tabindex: "0", role: "group",
            "aria-label": "Table" },
        h("table", {}, h("thead", {}, head), h("tbody", {}, body))));
    }

    /// The lines of one item are those behind its mark, and what is indented as far or follows on.
    #list() {
        const isOrdered = (mark) => /\d/.test(mark);
        const [, , first] = ITEM.exec(this.lines[this.at]);
        const start = isOrdered(first) ? Number.parseInt(first, 10) : 1;
        const items = [];
        while (this.at < this.lines.length) {
            const found = ITEM.exec(this.lines[this.at]);
            if (!found || isOrdered(found[2]) !== isOrdered(first)) break;
            const inner = found[1].length + found[2].length + Math.max(found[3].length, 1);
            const lines = [found[4]];
            for (++this.at; this.at < this.lines.length; ++this.at) {
                const line = this.lines[this.at];
                const isBlank = line.trim() === "";
                const next = this.lines[this.at + 1] ?? "";
                if (isBlank && (next.trim() === "" || indentOf(next) < inner)) break;
                if (!isBlank && indentOf(line) < inner &&
                    [ITEM, HEADING, FENCE].some((begins) => begins.test(line))) break;
                lines.push(line.slice(Math.min(inner, indentOf(line))));
            }
            const blocks = new Reader(lines, this.to, this.depth + 1).read();
            // An item of one paragraph is a line.
            const isLine = blocks[0]?.tagName === "P";
            items.push(h("li", {}, isLine ? [...blocks[0].childNodes] : blocks[0],
                blocks.slice(1)));
            if ((this.lines[this.at] ?? "").trim() === "" &&
                ITEM.test(this.lines[this.at + 1] ?? "")) ++this.at;
        }
        const list = h(isOrdered(first) ? "ol" : "ul", {}, items);
        if (start !== 1) list.start = start;
        this.blocks.push(list);
    }

    #quote() {
        const lines = [];
        while (this.at < this.lines.length && /^ {0,3}>/.test(this.lines[this.at]))
            lines.push(this.lines[this.at++].replace(/^ {0,3}> ?/, ""));
        this.blocks.push(h("blockquote", {}, new Reader(lines, this.to, this.depth + 1).read()));
    }

    #paragraph() {
        const lines = [this.lines[this.at++].trim()];
        while (this.at < this.lines.length) {
            const line = this.lines[this.at];
            if (line.trim() === "" || FENCE.test(line) || HEADING.test(line) || RULE.test(line) ||
                /^ {0,3}>/.test(line) || (ITEM.test(line) && !/^\s*\d*[2-9]\d*[.)]/.test(line)))
                break;
            lines.push(line.trim());
            ++this.at;
        }
        this.blocks.push(h("p", {}, inline(lines.join(" "), this.to)));
    }
}

/// Blocks of a document. `to(target, nodes)` makes what a link is here.
export function render(text, to) {
    return new Reader(text.replaceAll("\r\n", "\n").replaceAll("\t", "    ").split("\n"), to, 0)
        .read();
}
