// controller/console/pages/topics.js: topics in a list; one with its subscribers.
import { get, path, send } from "../lib/api.js";
import { auditColumns } from "../lib/audit.js";
import {
    address, badge, dash, facts, field, h, link, put, quoted, quotedOrDash, replace, visible,
} from "../lib/dom.js";
import { ask, toast } from "../lib/dialog.js";
import { bytes, number, time } from "../lib/format.js";
import { account } from "../lib/names.js";
import { whenever } from "../lib/live.js";
import { afterwards } from "../lib/afterwards.js";
import { actButton } from "../lib/rights.js";
import { found, PAGE, PagedTable, Table } from "../lib/table.js";

const SECONDS = 5;
const SLOW_SECONDS = 10;
const ITEMS = 20;   // of a page

function isEnabled(topic) {
    return badge(topic.enabled ? "on" : "off", topic.enabled ? "good" : "bad");
}

const columns = [
    {
        label: "Topic",
        cell: (topic) => [link("topics", topic.name),
            topic.title !== "" && h("div", { class: "muted" }, quoted(topic.title))],
    },
    { label: "State", cell: isEnabled },
    { label: "Payload type", cell: (topic) => quotedOrDash(topic.type) },
    { label: "Publishers", class: "number", cell: (topic) => number(topic.publishers) },
    { label: "Subscriptions", class: "number", cell: (topic) => number(topic.subscriptions) },
    { label: "Items", class: "number", cell: (topic) => number(topic.items) },
    { label: "Created", cell: (topic) => time(topic.created) },
];

async function showList({ section, query, signal, status, failed }) {
    const find = h("input", { type: "search", name: "find", autocomplete: "off",
        autocapitalize: "none", placeholder: "incidents/", value: query.get("find") ?? "" });
    const list = new PagedTable({
        label: "Topics", columns, key: ({ name }) => name, empty: "There is no such topic.",
        // Subtopics are with their topics.
        load: (after) => found("topics", "topics",
            { find: find.value, subtopics: "no", after }, signal),
    });
    find.addEventListener("input", afterwards(200, () => list.refresh(1)));
    const now = status();
    put(section, h("h1", {}, "Topics"),
        h("div", { class: "tools" }, field("Name has", find)),
        h("p", { class: "muted" }, `${number(now.topics)} topics, ${number(now.items)} items, ` +
            `${number(now.subscriptions)} subscriptions`),
        list.element);
    await whenever([], SECONDS, signal, () => list.refresh(), failed, SLOW_SECONDS);
}

// --- one topic ---------------------------------------------------------------------------------

function switchTopic(topic) {
    const isOn = topic.enabled;
    return ask({
        title: [isOn ? "Switch off " : "Switch on ", quoted(topic.name)], isDangerous: isOn,
        about: h("p", {}, isOn
            ? "Publishes, subscriptions and retrievals are refused, for every account."
            : "Publishes, subscriptions and retrievals are possible again."),
        label: isOn ? "Switch off" : "Switch on",
        act: () => send("PUT", path("topics", topic.name), { enabled: !isOn }),
    });
}

function remove(topic) {
    return ask({
        title: ["Delete ", quoted(topic.name)], isDangerous: true, label: "Delete",
        about: h("p", {}, `Its ${number(topic.items)} items and ${number(topic.subscriptions)} ` +
            "subscriptions are deleted with it. This cannot be undone."),
        async act() {
            await send("DELETE", path("topics", topic.name));
            toast("Deleted: ", visible(topic.name));
            location.hash = "#/topics";
        },
    });
}

/// A provider's declarations: lists of names, or of objects with names.
function declared(list) {
    if (!list || list.length === 0) return undefined;
    return list.map((entry) => h("div", {},
        quoted(typeof entry === "string" ? entry : entry.name ?? JSON.stringify(entry))));
}

function topicFacts(topic) {
    return facts([
        ["State", isEnabled(topic)],
        ["Title", quotedOrDash(topic.title)],
        ["Payload type", quotedOrDash(topic.type)],
        topic.version !== "" && ["Capability",
            [quoted(topic.capability), " ", quoted(topic.version)]],
        ["Who may subscribe", quotedOrDash(topic.access_model)],
        ["Who may publish", quotedOrDash(topic.publish_model)],
        ["Items", number(topic.items)],
        ["Subscriptions", number(topic.subscriptions)],
        ["Created", [time(topic.created), " by ", quotedOrDash(topic.creator)]],
        ["Queries", declared(topic.queries)],
        ["Notifications", declared(topic.notifications)],
        topic.schema.location !== "" && ["Declared schema", quoted(topic.schema.location)],
        ["Validation", [quoted(topic.validation), topic.validated_by && [" by ",
            quoted(topic.validated_by)]]],
    ]);
}

const providerColumns = [
    { label: "Publisher", class: "name", cell: (provider) => link("accounts", provider.jid) },
    { label: "Affiliation", cell: (provider) => quoted(provider.affiliation) },
    {
        label: "Online as",
        cell: (provider) => provider.online.length
            ? provider.online.map((jid) => h("div", {}, account(jid))) : dash(),
    },
];

const subscriberColumns = (topic) => [
    { label: "Subscriber", class: "name", cell: ({ jid }) => account(jid) },
    { label: "State", cell: ({ state }) => badge(state, state === "subscribed" ? "good" : "warn") },
    { label: "Filter", class: "wide", cell: ({ filter }) => filter === "" ? dash()
        : h("code", {}, quoted(filter)) },
    { label: "At", cell: (one) => one.topic === topic ? "the topic" : quoted(one.topic) },
    { label: "Subscription", cell: ({ subid }) => quotedOrDash(subid) },
];

const subtopicColumns = [
    { label: "Subtopic", cell: ({ name }) => quoted(name) },
    { label: "Filter", class: "wide", cell: ({ filter }) => h("code", {}, quoted(filter)) },
    { label: "Subscriptions", class: "number", cell: (one) => number(one.subscriptions) },
];

const itemColumns = [
    { label: "Item", cell: ({ id }) => quoted(id) },
    { label: "Publisher", cell: ({ publisher }) => account(publisher) },
    { label: "Published (UTC)", cell: (item) => time(item.time) },
    { label: "Payload", class: "number", cell: (item) => item.payload_bytes === 0 ? "none"
        : bytes(item.payload_bytes) },
];

function lists(name, signal) {
    const paged = (label, member, where, columnsOf, key, empty) => new PagedTable({
        label, columns: columnsOf, key, empty,
        load: async (after) => {
            const page = await get(path(where, name), { after, max: PAGE }, signal);
            return { rows: page[member], next: page.next };
        },
    });
    return {
        subscribers: paged("Subscribers", "subscribers", "subscribers", subscriberColumns(name),
            ({ topic, jid, subid }) => `${topic}\n${jid}\n${subid}`, "There is no subscriber."),
        subtopics: paged("Subtopics", "subtopics", "subtopics", subtopicColumns,
            (subtopic) => subtopic.name, "There is no subtopic."),
        audit: new PagedTable({
            label: "Audit", columns: auditColumns, key: ({ id }) => id,
            empty: "There is no record.",
            load: async (after) => {
                const page = await get("audit", { topic: name, after, max: 20 }, signal);
                return { rows: page.records, next: page.next };
            },
        }),
    };
}

async function showOne({ section, name, signal, failed }) {
    put(section, h("p", { class: "back" }, h("a", { href: "#/topics" }, "Topics")),
        h("h1", {}, quoted(name)));
    await get(path("topics", name), {}, signal);   // or there is nothing more to show
    const acts = h("div", { class: "actions" });
    const shown = h("div");
    const providers = new Table({ label: "Publishers", columns: providerColumns,
        key: ({ jid }) => jid, empty: "No account may publish here." });
    const items = new PagedTable({
        label: "Newest items", columns: itemColumns, key: ({ id }) => id,
        empty: "There is no item.",
        load: async (after) => {
            const page = await get(path("items", name), { after, max: ITEMS }, signal);
            return { rows: page.items, next: page.next };
        },
    });
    const { subscribers, subtopics, audit } = lists(name, signal);
    put(section, acts, shown,
        h("h2", {}, "Publishers"), providers.element,
        h("h2", {}, "Subscribers"), subscribers.element,
        h("h2", {}, "Subtopics"), subtopics.element,
        h("h2", {}, "Newest items"), items.element,
        h("div", { class: "heading" }, h("h2", {}, "Audit"),
            h("a", { href: address("audit", undefined, { topic: name }) }, "Search")),
        audit.element);
    let content = "";
    async function again() {
        const topic = await get(path("topics", name), {}, signal);
        if (content !== JSON.stringify(topic)) {
            content = JSON.stringify(topic);
            replace(acts,
                actButton("switch-topics", topic.enabled ? "Switch off…" : "Switch on…",
                    async () => await switchTopic(topic) && again()),
                actButton("delete-topics", "Delete…", () => remove(topic), { class: "danger" }));
            replace(shown, topicFacts(topic));
        }
        providers.rows = topic.providers;
    }
    await whenever([], SECONDS, signal, () => Promise.all([again(), items.refresh(),
        subscribers.refresh(), subtopics.refresh()]), failed, SLOW_SECONDS);
    // Behind the first screen: a search through a long audit takes its time.
    whenever([], SECONDS, signal, () => audit.refresh(), failed, SLOW_SECONDS);
}

/// show(page): see app.js.
export function show(page) {
    return page.name === undefined ? showList(page) : showOne(page);
}
