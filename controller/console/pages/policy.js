// controller/console/pages/policy.js: the policy written, checked, asked, tried, and its versions.
import { get, path, send } from "../lib/api.js";
import {
    badge, button, field, h, link, put, quoted, quotedOrDash, replace, select,
} from "../lib/dom.js";
import { ask, toast } from "../lib/dialog.js";
import { diff } from "../lib/diff.js";
import { bytes, number, time } from "../lib/format.js";
import { account } from "../lib/names.js";
import { afterwards } from "../lib/afterwards.js";
import { actButton } from "../lib/rights.js";
import { PagedTable, Table } from "../lib/table.js";

const CHECK_MILLISECONDS = 400;
const DRY_RUN_PAGES_MAX = 1000;
const CUTS_SHOWN_MAX = 500;
const OPERATIONS = ["publish", "subscribe", "retrieve", "discover", "create", "query", "bulk",
    "message", "manage"];

// --- the text ----------------------------------------------------------------------------------

/// A text with numbers of its lines. `element`, `text` (get, set), `go(line, column)`, `marks`.
class Editor {
    constructor(changed) {
        this.area = h("textarea", { name: "policy", spellcheck: "false", autocapitalize: "none",
            autocomplete: "off", wrap: "off", rows: "16", "aria-label": "Policy" });
        this.numbers = h("div", { class: "numbers", "aria-hidden": "true" });
        this.element = h("div", { class: "editor" }, this.numbers, this.area);
        this.bad = new Set();
        this.area.addEventListener("input", () => {
            this.#number();
            changed();
        });
        this.area.addEventListener("scroll", () => {
            this.numbers.scrollTop = this.area.scrollTop;
        });
    }

    get text() {
        return this.area.value;
    }

    set text(text) {
        this.area.value = text;
        this.#number();
    }

    set marks(lines) {
        this.bad = new Set(lines);
        this.#number();
    }

    go(line, column = 1) {
        const lines = this.text.split("\n");
        const at = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
        this.area.focus();
        this.area.setSelectionRange(at + column - 1, at + (lines[line - 1] ?? "").length);
        this.area.scrollTop = this.area.scrollHeight * (line - 4) / Math.max(lines.length, 1);
    }

    #number() {
        const count = this.text.split("\n").length;
        const now = `${count} ${[...this.bad]}`;
        if (now === this.numbered) return;
        this.numbered = now;
        const parts = [];
        let run = "";
        for (let line = 1; line <= count; ++line) {
            if (this.bad.has(line)) {
                parts.push(run, h("span", { class: "bad" }, line), "\n");
                run = "";
            } else {
                run += `${line}\n`;
            }
        }
        replace(this.numbers, parts, run);
        this.numbers.scrollTop = this.area.scrollTop;
    }
}

function lines(before, after) {
    const found = diff(before, after);
    if (!found.some(({ mark }) => mark !== " "))
        return h("p", { class: "empty" }, "No difference.");
    const near = (i) => found.slice(Math.max(0, i - 2), i + 3).some(({ mark }) => mark !== " ");
    const kinds = { "+": "added", "-": "removed", " ": "" };
    const shown = [];
    found.forEach(({ mark, text }, i) => {
        if (near(i)) shown.push(h("div", { class: kinds[mark] },
            h("span", { class: "mark" }, mark), quoted(text)));
        else if (i === 0 || near(i - 1)) shown.push(h("div", { class: "skipped" }, "…"));
    });
    return h("div",
        { class: "diff", tabindex: "0", role: "group", "aria-label": "Changes" }, shown);
}

// --- rights that would be lost -----------------------------------------------------------------

const cutColumns = [
    { label: "Account", cell: (cut) => account(cut.jid) },
    { label: "Loses", cell: (cut) => quoted(cut.kind) },
    { label: "Topic", cell: (cut) => cut.topic ? link("topics", cut.topic) : quotedOrDash("") },
    { label: "Online", cell: (cut) => cut.online ? badge("online", "good") : "no" },
    {
        label: "Rule", class: "wide",
        cell: (cut) => cut.rule
            ? [h("code", {}, quoted(cut.rule)), cut.line ? ` line ${cut.line}` : ""]
            : "no rule allows it",
    },
];

async function dryRun(text, progress, signal) {
    const cuts = [];
    let after = "";
    for (let page = 0; page < DRY_RUN_PAGES_MAX; ++page) {
        const found = await send("POST", "policy/dry-run",
            after ? { text, after } : { text }, signal);
        cuts.push(...found.cuts);
        if (found.next === null) return { cuts, isWhole: true };
        after = found.next;
        progress(cuts.length);
    }
    return { cuts, isWhole: false };
}

function cutTable(cuts) {
    const table = new Table({ label: "Rights that would be lost", columns: cutColumns,
        key: (cut) => JSON.stringify(cut), empty: "No account would lose anything." });
    table.rows = cuts.slice(0, CUTS_SHOWN_MAX);
    return table.element;
}

// --- the page ----------------------------------------------------------------------------------

class PolicyPage {
    constructor({ section, signal, failed }) {
        Object.assign(this, { section, signal, failed });
        this.head = h("p", { class: "muted" });
        this.verdict = h("div", { class: "verdict", "aria-live": "polite" });
        this.result = h("div");
        this.editor = new Editor(() => {
            this.#buttons();
            this.check();
        });
        this.check = afterwards(CHECK_MILLISECONDS, () => this.#check());
        this.save = actButton("set-policy", "Save…", () => this.#save(), { class: "primary" });
        this.dry = button("Dry run", () => this.#dryRun());
        this.changes = button("Changes", () => replace(this.result, h("h3", {}, "Changes"),
            lines(this.policy.text, this.editor.text)));
        this.undo = button("Back to the one in force", () => this.#set(this.policy.text));
        this.versions = this.#versionList();
        put(section, h("h1", {}, "Policy"), this.head, this.editor.element, this.verdict,
            h("div", { class: "actions" }, this.save, this.dry, this.changes, this.undo),
            this.result, h("h2", {}, "Ask the policy"), this.#question(),
            h("h2", {}, "Versions"), this.versions.element);
    }

    async open() {
        this.policy = await get("policy", {}, this.signal);
        this.#set(this.policy.text);
        const { version, rules, changed, changed_by: by, next_change: next } = this.policy;
        replace(this.head, version === 0 ? "There is no policy: everything is denied."
            : [`Version ${version}, ${number(rules)} rules, in force since `, time(changed),
                by !== "" && [" by ", quoted(by)], ". ",
                next && ["A time window opens or closes at ", time(next), ". "], "Times are UTC."]);
        await this.versions.refresh(1);
    }

    #set(text) {
        this.editor.text = text;
        replace(this.result);
        this.#buttons();
        this.#check();
    }

    #buttons() {
        const isSame = this.editor.text === this.policy.text;
        for (const one of [this.save, this.changes, this.undo])
            if (one) one.disabled = isSame;
    }

    async #check() {
        const { text } = this.editor;
        try {
            const found = await send("POST", "policy/check", { text }, this.signal);
            if (text === this.editor.text) this.#showErrors(found.errors, found.rules);
        } catch (error) {
            if (error.status === 429) return this.check();   // others are being checked: later
            if (!this.signal.aborted) this.failed(error, this.section);
        }
    }

    #showErrors(errors, rules) {
        this.editor.marks = errors.map(({ line }) => line);
        if (this.save) this.save.disabled ||= errors.length > 0;
        this.dry.disabled = errors.length > 0;
        if (errors.length === 0) {
            replace(this.verdict, badge("well-formed", "good"), ` ${number(rules)} rules`);
            return;
        }
        replace(this.verdict,
            badge(`${errors.length} error${errors.length === 1 ? "" : "s"}`, "bad"),
            h("ul", {}, errors.map(({ line, column, text }) => h("li", {},
                button(`Line ${line}, column ${column}`, () => this.editor.go(line, column),
                    { class: "plain" }), ": ", quoted(text)))));
    }

    async #dryRun() {
        const progress = (count) => replace(this.result,
            h("p", { role: "status" }, `Looking… ${number(count)} so far`));
        progress(0);
        try {
            const { cuts, isWhole } = await dryRun(this.editor.text, progress, this.signal);
            replace(this.result, h("h3", {}, "Rights that would be lost"),
                h("p", {}, `${number(cuts.length)}${isWhole ? "" : " or more"} in all. The ` +
                    "right to send messages is not looked at."),
                cutTable(cuts));
        } catch (error) {
            replace(this.result, h("p", { class: "problem", role: "alert" }, error.message));
        }
    }

    async #save() {
        const { text } = this.editor;
        const cuts = h("p", { role: "status" }, "Looking for rights that would be lost…");
        const count = (found, isWhole) => badge(number(found) + (isWhole ? "" : " or more"),
            found ? "warn" : "good");
        dryRun(text, () => {}, this.signal).then(
            (found) => replace(cuts, count(found.cuts.length, found.isWhole),
                found.cuts.length === 1 ? " right that an account has now would be lost."
                    : " rights that accounts have now would be lost."),
            (error) => replace(cuts, error.message));
        const isSaved = await ask({
            title: "Put this policy in force", label: "Put in force",
            about: [lines(this.policy.text, text), cuts,
                h("p", {}, "It holds at once, also on open sessions.")],
            act: () => send("PUT", "policy", { text, expect_version: this.policy.version }),
        });
        if (!isSaved) return;
        toast("The policy is in force.");
        await this.open();
    }

    // --- versions ---

    #versionList() {
        return new PagedTable({
            label: "Versions", key: ({ version, in_force: is }) => `${version} ${is}`,
            empty: "There is no policy yet.",
            columns: [
                { label: "Version", class: "number", cell: ({ version }) => version },
                { label: "In force", cell: (one) => one.in_force ? badge("in force", "good") : "" },
                { label: "Since", cell: ({ changed }) => time(changed) },
                { label: "By", cell: (one) => quotedOrDash(one.changed_by) },
                { label: "Size", class: "number", cell: (one) => bytes(one.bytes) },
                {
                    label: "", class: "acts",
                    cell: ({ version, in_force: isInForce }) => [
                        button("Compare", () => this.#compare(version),
                            { "aria-label": `Compare version ${version}` }),
                        button("Edit", () => this.#edit(version),
                            { "aria-label": `Edit version ${version}` }),
                        !isInForce && actButton("set-policy", "Roll back…",
                            () => this.#rollBack(version),
                            { "aria-label": `Roll back to version ${version}` }),
                    ],
                },
            ],
            load: async (after) => {
                const page = await get("policy/versions", { after, max: 20 }, this.signal);
                return { rows: page.versions, next: page.next };
            },
        });
    }

    #version(version) {
        return get(path("policy", "versions", version), {}, this.signal);
    }

    async #compare(version) {
        const { text } = await this.#version(version);
        replace(this.result, h("h3", {}, `From version ${version} to the text above`),
            lines(text, this.editor.text));
        this.result.scrollIntoView({ block: "nearest" });
    }

    async #edit(version) {
        this.#set((await this.#version(version)).text);
        this.editor.go(1);
    }

    async #rollBack(version) {
        const { text } = await this.#version(version);
        const isDone = await ask({
            title: `Roll back to version ${version}`, label: "Roll back", isDangerous: true,
            about: [lines(this.policy.text, text), h("p", {}, "Its text becomes a new version.")],
            act: () => send("POST", "policy/rollback",
                { version, expect_version: this.policy.version }),
        });
        if (isDone) await this.open();
    }

    // --- questions ---

    #question() {
        const input = (name, more = {}) => h("input", { name, autocomplete: "off",
            autocapitalize: "none", ...more });
        const answer = h("div", { class: "answer", "aria-live": "polite" });
        const form = h("form", { class: "questions" },
            field("Account", input("client",
                { required: true, placeholder: "sensor7@grid.example" })),
            field("Operation", select("operation", OPERATIONS.map((name) => [name, name]))),
            field("Topic, or recipient", input("topic", { required: true })),
            field("Groups, to imagine an account", input("groups", { placeholder: "a, b" })),
            field("Payload type", input("type")),
            field("Service", input("service")),
            field("Device type", input("device_type")),
            field("Issuer", input("issuer")),
            field("Address", input("network", { placeholder: "10.1.2.3" })),
            field("Time (UTC)", input("time", { type: "datetime-local" })),
            h("label", { class: "inline" }, h("input", { type: "checkbox", name: "edited" }),
                " Ask the text above"),
            h("div", { class: "actions" }, h("button", { type: "submit" }, "Ask")));
        form.addEventListener("submit", async (event) => {
            event.preventDefault();
            try {
                replace(answer, verdict(await send("POST", "policy/test", this.#asked(form),
                    this.signal)));
            } catch (error) {
                replace(answer, h("p", { class: "problem", role: "alert" }, error.message));
            }
        });
        return h("div", {}, form, answer);
    }

    #asked(form) {
        const given = {};
        for (const name of ["client", "operation", "type", "service", "device_type", "issuer",
            "network"]) {
            const value = form.elements[name].value.trim();
            if (value !== "") given[name] = value;
        }
        const isMessage = given.operation === "message";
        given[isMessage ? "recipient" : "topic"] = form.elements.topic.value.trim();
        const groups = form.elements.groups.value.split(",").map((name) => name.trim());
        if (groups.some((name) => name !== "")) given.groups = groups.filter((name) => name !== "");
        const at = form.elements.time.value;
        if (at !== "") given.time = `${at}${at.length === 16 ? ":00" : ""}Z`;
        if (form.elements.edited.checked) given.text = this.editor.text;
        return given;
    }
}

function allowance({ allowed }) {
    return badge(allowed ? "allowed" : "denied", allowed ? "good" : "bad");
}

function verdict(answer) {
    const reasons = answer.why ?? [];
    return [
        h("p", {}, allowance(answer), " ",
            answer.rule ? [h("code", { class: "rule" }, quoted(answer.rule)),
                answer.line ? ` line ${answer.line}` : ""] : "no rule allows it"),
        reasons.length > 0 && h("ul", {}, reasons.map((reason) => h("li", {}, quoted(reason)))),
        (answer.passed_over ?? []).length > 0 && h("details", {},
            h("summary", {}, "Rules that do not fit"),
            h("ul", {}, answer.passed_over.map((one) => h("li", {}, `Line ${one.line}: `,
                h("code", {}, quoted(one.rule)), " ", quoted(one.because))))),
        (answer.sessions ?? []).length > 0 && h("details", {},
            h("summary", {}, "Its live sessions"),
            h("ul", {}, answer.sessions.map((one) => h("li", {}, quoted(one.jid), " ",
                allowance(one))))),
    ];
}

/// show(page): see app.js.
export async function show(page) {
    await new PolicyPage(page).open();
}
