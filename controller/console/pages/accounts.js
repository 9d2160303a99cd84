// controller/console/pages/accounts.js: accounts in a list, and one of them with all that it has.
import { all, get, path, send } from "../lib/api.js";
import { auditColumns } from "../lib/audit.js";
import {
    address, badge, button, dash, facts, field, h, link, put, quoted, quotedOrDash, replace, select,
    visible,
} from "../lib/dom.js";
import { ask, toast } from "../lib/dialog.js";
import { ago, daysLeft, fingerprint, time } from "../lib/format.js";
import { chosenGroups, groupFields } from "../lib/groups.js";
import { whenever } from "../lib/live.js";
import { afterwards } from "../lib/afterwards.js";
import { actButton, may, mayAbout } from "../lib/rights.js";
import { endSession, sessionColumns } from "../lib/sessions.js";
import { found, PagedTable, Table } from "../lib/table.js";

const SECONDS = 5;
const SLOW_SECONDS = 15;
const STATES = [["pending", "Waiting"], ["enabled", "Enabled"], ["disabled", "Disabled"],
    ["", "All"]];
const KINDS = { pending: "warn", enabled: "good", disabled: "bad" };
const EXPIRES_SOON_DAYS = 30;

export function stateBadge(state) {
    return badge(state, KINDS[state]);
}

function daysBadge(until) {
    const days = daysLeft(until);
    if (days < 0) return badge("expired", "bad");
    const left = `${days} day${days === 1 ? "" : "s"} left`;
    return days < EXPIRES_SOON_DAYS ? badge(left, "warn") : left;
}

function expiry(account) {
    if (!account.certificate) return account.password ? "password" : "none yet";
    const until = account.certificate.not_after;
    return [daysBadge(until), daysLeft(until) < 0 && [" ", time(until)]];
}

function groupList(groups) {
    return groups.length ? groups.map((group, i) => [i > 0 && ", ", quoted(group)]) : dash();
}

function certificateFacts(certificate) {
    if (!certificate) return [["Certificate", "none: the account is bound to the next one"]];
    return [
        ["Subject", quotedOrDash(certificate.subject)],
        ["Issuer", quotedOrDash(certificate.issuer)],
        ["Serial", quotedOrDash(certificate.serial)],
        ["Valid from", time(certificate.not_before)],
        ["Valid until", [time(certificate.not_after), " ", daysBadge(certificate.not_after)]],
        ["Fingerprint", fingerprint(certificate.fingerprint)],
        ["Key", fingerprint(certificate.key)],
        ["CA", fingerprint(certificate.anchor)],
        certificate.mapped && ["Name", "given by a mapping rule, not by the certificate"],
    ];
}

// --- acts --------------------------------------------------------------------------------------

async function approve(account, signal) {
    const device = h("input", { name: "device_type", value: account.wished_device_type,
        autocomplete: "off" });
    return ask({
        title: ["Approve ", quoted(account.jid)],
        about: [h("p", {}, "Compare the certificate with what its owner has told you."),
            facts(certificateFacts(account.certificate)),
            account.wished_groups.length > 0 &&
                h("p", {}, "The client wishes to be in: ", groupList(account.wished_groups))],
        // A wish to administer is granted by a person, not by a box that is ticked already.
        fields: [await groupFields(
            account.wished_groups.filter((name) => name !== "administrators"), signal,
            !may("administer")),
            field("Device type", device, "The policy's “device” rests on this.")],
        label: "Approve",
        async act(form) {
            await send("POST", path("accounts", account.jid, "approve"), {
                groups: chosenGroups(form), device_type: device.value,
            });
            toast(visible(account.jid), " is enabled.");
        },
    });
}

const QUESTIONS = {
    decline: ["Decline", "The registration ends; the client may register again."],
    disable: ["Disable", "Its sessions end at once. Its subscriptions and topics stay."],
    enable: ["Enable", "Its client may log in again, with the rights that its groups have now."],
};

function act(account, name) {
    const [label, about] = QUESTIONS[name];
    return ask({
        title: [`${label} `, quoted(account.jid)], about: h("p", {}, about), label,
        isDangerous: name !== "enable",
        async act() {
            await send("POST", path("accounts", account.jid, name));
            toast(`${label}: `, visible(account.jid));
        },
    });
}

async function setGroups(account, signal) {
    return ask({
        title: ["Groups of ", quoted(account.jid)],
        about: h("p", {}, "Its sessions are closed, so that the new rights hold everywhere."),
        fields: await groupFields(account.groups, signal), label: "Set groups",
        act: (form) => send("PUT", path("accounts", account.jid, "groups"),
            { groups: chosenGroups(form) }),
    });
}

function edit(account) {
    const description = h("textarea", { name: "description", rows: "3" });
    description.value = account.description;
    const device = h("input", { name: "device_type", value: account.device_type });
    const pin = select("key_pin", [["", "any key of its CA"],
        ["current", "only the key last seen"],
        ...(account.key_pin ? [[account.key_pin, "only the key that is pinned now"]] : [])],
    account.key_pin ?? "");
    return ask({
        title: ["Edit ", quoted(account.jid)],
        fields: [field("Description", description), field("Device type", device),
            field("Key that may log in", pin,
                "Pinning another key closes the account's sessions.")],
        label: "Save",
        async act() {
            const changes = {};
            if (description.value !== account.description) changes.description = description.value;
            if (device.value !== account.device_type) changes.device_type = device.value;
            if (pin.value !== (account.key_pin ?? "")) changes.key_pin = pin.value;
            if (Object.keys(changes).length)
                await send("PATCH", path("accounts", account.jid), changes);
        },
    });
}

function remove(account) {
    return ask({
        title: ["Delete ", quoted(account.jid)], isDangerous: true, label: "Delete",
        about: h("p", {},
            "Its sessions, subscriptions and affiliations end. This cannot be undone."),
        async act() {
            await send("DELETE", path("accounts", account.jid));
            toast("Deleted: ", visible(account.jid));
            location.hash = "#/accounts";
        },
    });
}

function add(signal) {
    const jid = h("input", { name: "jid", required: true, autocomplete: "off",
        autocapitalize: "none", placeholder: "sensor7@grid.example" });
    return groupFields([], signal).then((groups) => ask({
        title: "Add an account",
        about: h("p", {}, "It is enabled, and bound to the first certificate that logs in as it."),
        fields: [field("Account", jid), groups], label: "Add",
        async act(form) {
            const made = await send("POST", "accounts",
                { jid: jid.value, groups: chosenGroups(form) });
            location.hash = address("accounts", made.jid);
        },
    }));
}

// --- the list ----------------------------------------------------------------------------------

function columns(again, signal) {
    return [
        { label: "Account", class: "name", cell: (account) => link("accounts", account.jid) },
        { label: "State", cell: (account) => stateBadge(account.state) },
        {
            label: "Groups",
            cell: (account) => account.state === "pending" && account.wished_groups.length
                ? ["wishes ", groupList(account.wished_groups)] : groupList(account.groups),
        },
        { label: "Device", cell: (account) =>
            quotedOrDash(account.device_type || account.wished_device_type) },
        { label: "Certificate", cell: expiry },
        { label: "Since", cell: (account) => ago(account.changed) },
        {
            label: "", class: "acts",
            cell: (account) => account.state === "pending" && [
                mayAbout("approve-accounts", account.role) &&
                    button("Approve…", async () => await approve(account, signal) && again(),
                        { class: "primary", "aria-label": `Approve ${visible(account.jid)}` }),
                mayAbout("decline-accounts", account.role) &&
                    button("Decline…", async () => await act(account, "decline") && again(),
                        { "aria-label": `Decline ${visible(account.jid)}` }),
            ],
        },
    ];
}

async function showList({ section, query, signal, status, refreshStatus, failed }) {
    let state = query.get("state") ?? (status().accounts.pending > 0 ? "pending" : "enabled");
    if (!STATES.some(([name]) => name === state)) state = "";
    const find = h("input", { type: "search", name: "find", autocomplete: "off",
        autocapitalize: "none", placeholder: "sensor7", value: query.get("find") ?? "" });
    const again = async () => {
        await list.refresh();
        await refreshStatus();
    };
    const list = new PagedTable({
        label: "Accounts", columns: columns(again, signal), key: ({ jid }) => jid,
        empty: "There is no such account.",
        load: (after) => found("accounts", "accounts",
            { state, find: find.value.trim(), after }, signal),
    });
    const tabs = h("div", { class: "tabs", role: "group", "aria-label": "State" },
        STATES.map(([name, label]) => h("a", {
            href: "#/accounts?state=" + name, "aria-current": name === state ? "true" : undefined,
        }, label)));
    find.addEventListener("input", afterwards(200, () => list.refresh(1)));
    put(section, h("div", { class: "heading" }, h("h1", {}, "Accounts"),
        actButton("create-accounts", "Add an account…", () => add(signal))),
    h("div", { class: "tools" }, tabs, field("Name has", find)), list.element);
    await whenever(["accounts"], SECONDS, signal, () => list.refresh(), failed);
}

// --- one account -------------------------------------------------------------------------------

function buttons(account, again, signal) {
    const does = (work) => async () => await work() && again();
    const label = (right, name, work, attributes) => mayAbout(right, account.role) &&
        button(name, does(work), attributes);
    return [
        account.state === "pending" && [
            label("approve-accounts", "Approve…", () => approve(account, signal),
                { class: "primary" }),
            label("decline-accounts", "Decline…", () => act(account, "decline")),
        ],
        account.state === "disabled" &&
            label("enable-accounts", "Enable…", () => act(account, "enable")),
        account.state === "enabled" &&
            label("disable-accounts", "Disable…", () => act(account, "disable")),
        account.state !== "pending" &&
            label("set-groups-of-accounts", "Groups…", () => setGroups(account, signal)),
        label("edit-accounts", "Edit…", () => edit(account)),
        actButton("delete-accounts", "Delete…", () => remove(account), { class: "danger" }),
    ];
}

function accountFacts(account) {
    return facts([
        ["State", stateBadge(account.state)],
        ["Groups", groupList(account.groups)],
        account.wished_groups.length > 0 && ["Wished groups", groupList(account.wished_groups)],
        ["Device type", quotedOrDash(account.device_type)],
        account.wished_device_type !== "" &&
            ["Wished device type", quoted(account.wished_device_type)],
        ["Description", quotedOrDash(account.description)],
        ["Approved by", quotedOrDash(account.approved_by)],
        ["Created", time(account.created)],
        ["Changed", [time(account.changed), account.changed_by !== "" &&
            [" by ", quoted(account.changed_by)]]],
        ["Password", account.password ? "yes" : "none"],
        ["Key that may log in", account.key_pin ? fingerprint(account.key_pin) : "any"],
        ...certificateFacts(account.certificate),
    ]);
}

async function showOne({ section, name, signal, refreshStatus, failed }) {
    put(section, h("p", { class: "back" }, h("a", { href: "#/accounts" }, "Accounts")),
        h("h1", {}, quoted(name)));
    await get(path("accounts", name), {}, signal);   // or there is nothing more to show
    const acts = h("div", { class: "actions" });
    const shown = h("div");
    const sessions = new Table({
        label: "Sessions", key: ({ id }) => id, empty: "It is not online.",
        columns: sessionColumns((session) => endSession(session).then(again)),
    });
    const audit = new PagedTable({
        label: "Audit", columns: auditColumns, key: ({ id }) => id, empty: "There is no record.",
        load: async (after) => {
            const page = await get("audit", { account: name, after, max: 20 }, signal);
            return { rows: page.records, next: page.next };
        },
    });
    put(section, acts, shown, h("h2", {}, "Sessions"), sessions.element,
        h("div", { class: "heading" }, h("h2", {}, "Audit"),
            h("a", { href: address("audit", undefined, { account: name }) }, "Search")),
        audit.element);
    let content = "";
    async function again() {
        const account = await get(path("accounts", name), {}, signal);
        if (content !== JSON.stringify(account)) {
            content = JSON.stringify(account);
            replace(acts, buttons(account, async () => {
                await again();
                await refreshStatus();
            }, signal));
            replace(shown, accountFacts(account));
        }
        const { list } = await all("sessions", "sessions", 1000, { jid: name }, signal);
        sessions.rows = list;
    }
    // Behind the first screen: a search through a long audit takes its time.
    const kinds = ["accounts", "sessions"];
    await whenever(kinds, SECONDS, signal, again, failed, SLOW_SECONDS);
    whenever(kinds, SECONDS, signal, () => audit.refresh(), failed, SLOW_SECONDS);
}

/// show(page): see app.js.
export function show(page) {
    return page.name === undefined ? showList(page) : showOne(page);
}
