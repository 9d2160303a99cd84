// controller/console/pages/api.js: the REST interface, as its own description says.
import { get } from "../lib/api.js";
import { badge, field, h, put, replace } from "../lib/dom.js";
import { number } from "../lib/format.js";
import { afterwards } from "../lib/afterwards.js";

const METHODS = ["get", "post", "put", "patch", "delete"];
const DEPTH_MAX = 6;

/// A description, in which `words` are code.
function prose(text) {
    return (text ?? "").split(/`([^`]*)`/)
        .map((part, number) => number % 2 ? h("code", {}, part) : part);
}

/// The type of a schema in a few words; references by their names.
function typeOf(schema) {
    if (!schema || Object.keys(schema).length === 0) return "any";
    if (schema.$ref) return schema.$ref.split("/").at(-1);
    if (schema.enum) return schema.enum.map((word) => `"${word}"`).join(" | ");
    if (schema.oneOf) return schema.oneOf.map(typeOf).join(" | ");
    if (schema.type === "array") return `list of ${typeOf(schema.items)}`;
    const types = [schema.type ?? "any"].flat();
    return types.map((type) => schema.format && type === "string" ? schema.format : type)
        .join(" | ");
}

/// The members of an object, those of objects within it below them.
function members(schema, depth = 0) {
    const properties = schema?.properties;
    if (!properties || depth > DEPTH_MAX) return null;
    const required = new Set(schema.required ?? []);
    return h("ul", { class: "members" }, Object.entries(properties).map(([name, one]) =>
        h("li", {}, h("code", {}, name), required.has(name) ? "" : " (optional)", ": ",
            h("span", { class: "muted" }, typeOf(one)),
            one.description && [", ", prose(one.description)],
            members(one.type === "array" ? one.items : one, depth + 1))));
}

function shape(content) {
    const [[type, { schema }]] = Object.entries(content);
    const inner = members(schema);
    return [h("p", {}, h("code", {}, type), inner ? "" : [": ", typeOf(schema)]), inner];
}

function command(method, path, operation) {
    const options = [];
    if (method !== "get") options.push(`-X ${method.toUpperCase()}`);
    if (method !== "get") options.push("-H 'Content-Type: application/json'");
    if (operation.requestBody) options.push("-d '{…}'");
    if (operation.responses["200"]?.content?.["text/event-stream"]) options.push("-N");
    return ["curl --cert alice.crt --key alice.key", ...options,
        `'${location.origin}/api/v1${path}'`].join(" ");
}

function parameterList(operation) {
    const parameters = operation.parameters ?? [];
    return parameters.length > 0 && [h("h4", {}, "Parameters"),
        h("ul", { class: "members" }, parameters.map((one) => h("li", {},
            h("code", {}, one.name), ` in the ${one.in}`,
            one.description && [": ", prose(one.description)])))];
}

function answers(operation) {
    const [done, refused] = [[], []];
    for (const [status, response] of Object.entries(operation.responses))
        (status < "300" ? done : refused).push([status, response]);
    return [
        done.map(([status, response]) => [h("h4", {}, `Answer ${status}`),
            shape(response.content)]),
        h("h4", {}, "Refusals"),
        h("ul", { class: "members" }, refused.map(([status, { description }]) =>
            h("li", {}, h("code", {}, status), ": ", prose(description)))),
    ];
}

/// Filled when it is opened: the whole of it at once would be long.
function operationOf(method, path, operation) {
    const body = h("div", { class: "operation" });
    const element = h("details", {},
        h("summary", {}, badge(method.toUpperCase(), method === "get" ? "good" : "warn"), " ",
            h("code", {}, path), " ", h("span", { class: "muted" }, prose(operation.summary))), body);
    element.addEventListener("toggle", () => {
        if (!element.open || body.firstChild) return;
        put(body,
            h("pre", { tabindex: "0", role: "group", "aria-label": "Example" },
                h("code", {}, command(method, path, operation))),
            parameterList(operation),
            operation.requestBody && [h("h4", {}, operation.requestBody.required ? "Body"
                : "Body (optional)"), shape(operation.requestBody.content)],
            answers(operation));
    });
    return { element, text: `${method} ${path} ${operation.summary}`.toLowerCase(),
        tag: operation.tags?.[0] ?? "" };
}

function operationsOf(document) {
    return Object.entries(document.paths).flatMap(([path, methods]) => METHODS
        .filter((method) => methods[method])
        .map((method) => operationOf(method, path, methods[method])));
}

/// show(page): see app.js.
export async function show({ section, query, signal }) {
    const described = await get("openapi.json", {}, signal);
    const find = h("input", { type: "search", name: "find", autocomplete: "off",
        autocapitalize: "none", placeholder: "accounts", value: query.get("find") ?? "" });
    const list = h("div");
    const count = h("p", { class: "muted", role: "status" });
    const operations = operationsOf(described);
    function draw() {
        const text = find.value.trim().toLowerCase();
        const found = operations.filter((one) => one.text.includes(text));
        const tags = [...new Set(found.map(({ tag }) => tag))].sort();
        count.textContent = `${number(found.length)} of ${number(operations.length)} operations`;
        replace(list, tags.map((tag) => [h("h2", {}, tag),
            found.filter((one) => one.tag === tag).map(({ element }) => element)]));
    }
    find.addEventListener("input", afterwards(150, draw));
    put(section, h("h1", {}, "Interface"),
        h("p", {}, prose(described.info.description), " The description itself, in OpenAPI ",
            described.openapi, ", is at ", h("code", {}, "/api/v1/openapi.json"), "."),
        h("div", { class: "tools" }, field("Find", find)), count, list,
        h("h2", {}, "Objects"),
        Object.entries(described.components.schemas).map(([name, schema]) =>
            h("details", {}, h("summary", {}, h("code", {}, name)),
                h("div", { class: "operation" }, members(schema) ?? h("p", {}, typeOf(schema))))));
    draw();
}
