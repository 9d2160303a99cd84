// controller/console/lib/dom.js: elements made one by one; no text is ever read as markup.

const ATTRIBUTES = new Set([
    "class", "id", "type", "name", "for", "title", "value", "placeholder", "rows", "cols", "role",
    "tabindex", "autocomplete", "autocapitalize", "spellcheck", "colspan", "scope", "datetime",
    "min", "max", "maxlength", "list", "method", "data-label", "lang", "wrap", "open",
]);
const FLAGS = new Set(["hidden", "disabled", "checked", "required", "selected", "readonly"]);

function setAttribute(element, name, value) {
    if (name === "on") {
        for (const [event, listener] of Object.entries(value))
            element.addEventListener(event, listener);
    } else if (FLAGS.has(name)) {
        element[name === "readonly" ? "readOnly" : name] = Boolean(value);
    } else if (name === "href") {
        // A link leads to a page of the console: a name that is a URL stays a name.
        if (!String(value).startsWith("#")) throw new Error(`no link to ${value}`);
        element.setAttribute("href", value);
    } else if (ATTRIBUTES.has(name) || name.startsWith("aria-")) {
        element.setAttribute(name, value);
    } else {
        throw new Error(`no attribute ${name}`);
    }
}

/// An element. Children are nodes, lists of them, and texts, which become text nodes.
export function h(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes))
        if (value !== undefined && value !== null && value !== false)
            setAttribute(element, name, value === true && !FLAGS.has(name) ? "" : value);
    put(element, ...children);
    return element;
}

/// Adds children to an element.
export function put(element, ...children) {
    for (const child of children.flat(Infinity)) {
        if (child === null || child === undefined || child === false) continue;
        element.append(child instanceof Node ? child : document.createTextNode(String(child)));
    }
    return element;
}

export function replace(element, ...children) {
    element.replaceChildren();
    return put(element, ...children);
}

// Characters that show nothing, or turn the text around them: a name must not look like another.
const INVISIBLE =
    /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\u034f\u115f\u1160\u2800\u3164\uffa0]/u;
const PARTS = new RegExp(`(${INVISIBLE.source})`, "u");

function codePoint(character) {
    return "U+" + character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
}

/// A text as a person reads it: characters that are not seen by their numbers.
export function visible(text) {
    return String(text).split(PARTS).map((part) => INVISIBLE.test(part) ? codePoint(part) : part)
        .join("");
}

/// A string that a client, a certificate or a person chose, apart from the words around it.
export function quoted(text, attributes = {}) {
    const element = h("bdi", { class: "quoted", ...attributes });
    for (const part of String(text ?? "").split(PARTS)) {
        if (INVISIBLE.test(part)) put(element, h("span", { class: "code-point" }, codePoint(part)));
        else if (part !== "") put(element, part);
    }
    return element;
}

/// The same, or a dash where there is nothing.
export function quotedOrDash(text) {
    return text === "" || text === null || text === undefined ? dash() : quoted(text);
}

export function dash() {
    return h("span", { class: "muted", "aria-label": "none" }, "–");
}

/// Facts as a list of terms: [["State", node], …]; a row without a value is left out.
export function facts(rows) {
    return h("dl", { class: "facts" }, rows.filter((row) => row && row[1] !== undefined).map(
        ([term, value]) => h("div", {}, h("dt", {}, term), h("dd", {}, value)),
    ));
}

export function button(label, act, attributes = {}) {
    return h("button", { type: "button", ...attributes, on: { click: act } }, label);
}

/// A link to a page of the console: link("topics", name).
export function link(page, name, ...shown) {
    return h("a", { href: address(page, name) }, shown.length ? shown : quoted(name));
}

export function address(page, name, query = {}) {
    const asked = new URLSearchParams(
        Object.entries(query).filter(([, value]) => value !== "" && value !== undefined),
    ).toString();
    return "#/" + page + (name === undefined ? "" : "/" + encodeURIComponent(name)) +
        (asked ? "?" + asked : "");
}

export function badge(text, kind = "") {
    return h("span", { class: `badge ${kind}` }, text);
}

let lastId = 0;
/// A field with its label.
export function field(label, input, hint) {
    const id = `field-${++lastId}`;
    input.id = id;
    if (hint) input.setAttribute("aria-describedby", id + "-hint");
    return h("div", { class: "field" }, h("label", { for: id }, label), input,
        hint && h("small", { id: id + "-hint" }, hint));
}

export function select(name, options, chosen = "") {
    return h("select", { name }, options.map(([value, label]) =>
        h("option", { value, selected: value === chosen }, label)));
}
