// controller/console/app.js: the frame: which page the address names, who looks at it, alarms.
import { get, send, signedInByPassword } from "./lib/api.js";
import { badge, button, h, put, quoted, replace } from "./lib/dom.js";
import { listen, on, whenever } from "./lib/live.js";
import { setRights } from "./lib/rights.js";

const PAGES = {
    overview: { title: "Overview", load: () => import("./pages/overview.js") },
    live: { title: "Live", load: () => import("./pages/live.js") },
    accounts: { title: "Accounts", load: () => import("./pages/accounts.js") },
    topics: { title: "Topics", load: () => import("./pages/topics.js") },
    policy: { title: "Policy", load: () => import("./pages/policy.js") },
    sessions: { title: "Sessions", load: () => import("./pages/sessions.js") },
    transfers: { title: "Transfers", load: () => import("./pages/transfers.js") },
    audit: { title: "Audit", load: () => import("./pages/audit.js") },
    health: { title: "Health", load: () => import("./pages/health.js") },
    limits: { title: "Limits", load: () => import("./pages/limits.js") },
    api: { title: "Interface", load: () => import("./pages/api.js") },
    manual: { title: "Manual", load: () => import("./pages/manual.js") },
};
const STATUS_SECONDS = 5;
const SLOW_SECONDS = 30;

const place = (id) => document.getElementById(id);
let current = new AbortController();
let watch = new AbortController();
let status = null;
const listeners = new Set();

/// "#/topics/a%2Fb?x=y" → { page: "topics", name: "a/b", query }
function parse(hash) {
    const [path, query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
    const [page = "", ...rest] = path.split("/");
    let name;
    try {
        name = rest.length ? decodeURIComponent(rest.join("/")) : undefined;
    } catch {
        return { page: "unknown" };
    }
    return { page: page || "overview", name, query: new URLSearchParams(query) };
}

async function openPage() {
    current.abort();
    current = new AbortController();
    const { signal } = current;
    const { page, name, query } = parse(location.hash);
    const about = Object.hasOwn(PAGES, page) ? PAGES[page] : null;
    for (const one of place("nav").querySelectorAll("a"))
        if (one.dataset.page !== page) {
            one.removeAttribute("aria-current");
        } else {
            one.setAttribute("aria-current", "page");
            one.scrollIntoView({ block: "nearest", inline: "center" });   // a row on a phone
        }
    document.title = `${about ? about.title : "No such page"} · gridd`;
    const section = h("section", { "aria-busy": "true" });
    replace(place("page"), section);
    if (!about) {
        put(section, h("h1", { tabindex: "-1" }, "No such page"),
            h("p", {}, h("a", { href: "#/overview" }, "To the overview")));
        section.removeAttribute("aria-busy");
        return;
    }
    try {
        const module = await about.load();
        if (signal.aborted) return;
        await module.show({
            section, name, query, signal, failed,
            status: () => status,
            /// Calls with each new status, the present one included.
            onStatus(listener) {
                listeners.add(listener);
                signal.addEventListener("abort", () => listeners.delete(listener));
                if (status) listener(status);
            },
            refreshStatus,
        });
    } catch (error) {
        if (!signal.aborted) failed(error, section);
    }
    section.removeAttribute("aria-busy");
}

/// What a person sees of an error that a page did not expect.
function failed(error, section = place("page").firstElementChild) {
    if (error.name === "AbortError") return;
    if (error.isAboutIdentity) {
        signIn(error);
        return;
    }
    const before = section.querySelector(":scope > .problem");
    if (before) before.remove();
    section.prepend(h("p", { class: "problem", role: "alert" }, error.message));
}

async function signIn(error) {
    current.abort();
    watch.abort();
    for (const dialog of document.querySelectorAll("dialog")) dialog.close();
    place("nav").hidden = true;
    replace(place("who"));
    delete place("who").dataset.shown;
    replace(place("alarms"));
    document.title = "Sign in · gridd";
    const { show } = await import("./pages/sign-in.js");
    show(place("page"), error);
}

function alarms(now) {
    replace(place("alarms"),
        now.evaluation && h("p", { class: "note" }, badge("Evaluation", "warn"),
            " The evaluation CA signs certificates: this is not for a real grid."),
        !now.store.writable && h("p", { class: "problem", role: "alert" },
            "The store takes no writes: ", quoted(now.store.reason), " ",
            h("a", { href: "#/health" }, "What to do")));
}

/// The account, its role, and the way out where there is one: a certificate has none.
function who() {
    const shown = `${status.administrator} ${status.role} ${status.signed_in}`;
    if (place("who").dataset.shown === shown) return;
    place("who").dataset.shown = shown;
    replace(place("who"), quoted(status.administrator, { title: `You are this ${status.role}` }),
        status.role !== "administrator" && [" ", badge(status.role)],
        status.signed_in === "password" && [" ", button("Sign out", async () => {
            await send("DELETE", "session");
            location.reload();
        })]);
}

async function refreshStatus() {
    const isFirst = status === null;
    status = await get("status", {}, watch.signal);
    const isOtherRole = setRights(status.may);
    put(replace(place("domain")), quoted(status.domain));
    signedInByPassword(status.signed_in === "password");
    who();
    alarms(status);
    const count = place("nav").querySelector("[data-page=accounts] .count");
    count.hidden = status.accounts.pending === 0;
    replace(count, status.accounts.pending, h("span", { class: "hidden" }, " waiting"));
    for (const listener of listeners) listener(status);
    if (isOtherRole && !isFirst) openPage();   // with the buttons of the new role
}

function navigation() {
    replace(place("nav"), h("ul", {}, Object.entries(PAGES).map(([page, { title }]) => {
        const to = h("a", { href: `#/${page}` }, title,
            page === "accounts" && h("span", { class: "count", hidden: true }));
        to.dataset.page = page;
        return h("li", {}, to);
    })));
}

async function begin() {
    navigation();
    place("skip").addEventListener("click", (event) => {
        event.preventDefault();
        place("main").focus();
    });
    try {
        await refreshStatus();
    } catch (error) {
        if (error.isAboutIdentity) return signIn(error);
        replace(place("page"), h("section", {},
            h("p", { class: "problem", role: "alert" }, error.message)));
    }
    place("nav").hidden = false;
    window.addEventListener("hashchange", async () => {
        if (place("nav").hidden) return;
        await openPage();
        // A new page is read from its heading.
        const heading = place("page").querySelector("h1");
        heading?.setAttribute("tabindex", "-1");
        heading?.focus({ preventScroll: true });
        window.scrollTo(0, 0);
    });
    openPage();
    const wrong = (error) => {
        if (error.isAboutIdentity) return signIn(error);
        replace(place("alarms"), h("p", { class: "problem", role: "alert" }, error.message));
    };
    listen(watch.signal);
    on("state", watch.signal, (now) => {
        if (now.store_writable !== status?.store.writable) refreshStatus().catch(wrong);
    });
    // Who may listen no more may look no more.
    on("end", watch.signal, () => refreshStatus().catch(wrong));
    whenever(["accounts"], STATUS_SECONDS, watch.signal, refreshStatus, wrong, SLOW_SECONDS);
}

begin();
