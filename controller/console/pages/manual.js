// controller/console/pages/manual.js: the manual, as it is in the program.
import { h, put, quoted } from "../lib/dom.js";
import { anchorOf, render } from "../lib/markdown.js";

const CONTENTS = "README.md";
const CHAPTER = /^[a-z0-9-]+\.md$/i;

async function fetchText(chapter, signal) {
    const response = await fetch(`/console/manual/${chapter}`, { signal, redirect: "error" });
    if (response.status === 404) return null;
    if (!response.ok) throw new Error(`the server answered with status ${response.status}`);
    return response.text();
}

/// A link within the manual is one of the console; another is text with its address.
function linkFrom(chapter) {
    return (target, nodes) => {
        const [file, anchor] = target.split("#", 2);
        const to = file === "" ? chapter : file.replace(/^\.\//, "");
        if (CHAPTER.test(to)) {
            const query = anchor ? `?at=${encodeURIComponent(anchor)}` : "";
            return h("a", { href: `#/manual/${encodeURIComponent(to)}${query}` }, nodes);
        }
        const label = nodes.map((node) => node instanceof Node ? node.textContent : node).join("");
        return h("span", {}, nodes, label !== target && [" (", h("code", {}, target), ")"]);
    };
}

/// show(page): see app.js.
export async function show({ section, name, query, signal }) {
    const chapter = name ?? CONTENTS;
    const text = CHAPTER.test(chapter) ? await fetchText(chapter, signal) : null;
    if (chapter !== CONTENTS)
        put(section, h("p", { class: "back" }, h("a", { href: "#/manual" }, "Contents")));
    if (text === null) {
        put(section, h("h1", {}, "Manual"), h("p", {}, "The manual has no chapter ",
            quoted(chapter), "."));
        return;
    }
    const blocks = render(text, linkFrom(chapter));
    const [first] = blocks;
    if (first?.tagName !== "H1") put(section, h("h1", {}, "Manual"));
    put(section, h("article", { class: "manual" }, blocks));
    const at = query.get("at");
    if (at) requestAnimationFrame(() =>
        document.getElementById("manual-" + anchorOf(at.replaceAll("-", " ")))?.scrollIntoView());
}
