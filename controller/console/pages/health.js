// controller/console/pages/health.js: the store, certificates, limits that were hit, the chain.
import { get, metricsText, send } from "../lib/api.js";
import { clusterFacts } from "../lib/cluster.js";
import { badge, button, facts, h, put, quoted, quotedOrDash, replace } from "../lib/dom.js";
import { ask, toast } from "../lib/dialog.js";
import { ago, bytes, daysLeft, duration, fingerprint, number, time } from "../lib/format.js";
import { hits } from "../lib/hits.js";
import { parse, sum } from "../lib/metrics.js";
import { whenever } from "../lib/live.js";
import { may } from "../lib/rights.js";

const SECONDS = 5;
const EXPIRES_SOON_DAYS = 30;

function storeFacts({ store }, samples) {
    return facts([
        ["Takes writes", store.writable ? badge("yes", "good") : [badge("no", "bad"), " ",
            quoted(store.reason), store.do ? [" ", quoted(store.do)] : ""]],
        ["Writes stall", sum(samples, "gridd_store_stalled") ? badge("yes", "bad") : "no"],
        ["Free space", bytes(sum(samples, "gridd_store_free_bytes"))],
        ["Tables on disk", bytes(sum(samples, "gridd_store_table_bytes"))],
        ["In memory", `${bytes(sum(samples, "gridd_store_buffer_bytes"))} not yet in tables, ` +
            `${bytes(sum(samples, "gridd_store_cache_bytes"))} of cache`],
        ["Waits for compaction", bytes(sum(samples, "gridd_store_compaction_pending_bytes"))],
        ["Waits for the writer", bytes(store.queued_bytes)],
        ["Committed", `${number(store.commits)} batches in ${number(store.groups)} groups, ` +
            `${number(store.syncs)} syncs`],
        ["Revision", `${number(store.revision)}, epoch ${store.epoch}`],
        ["Store", quotedOrDash(store.id)],
    ]);
}

function serverFacts(status, samples) {
    const expiries = samples.get("gridd_certificate_expiry_timestamp_seconds") ?? [];
    return facts([
        ["Version", quoted(status.version)],
        ["Running for", duration((Date.now() - Date.parse(status.started)) / 1000)],
        ["Memory", bytes(sum(samples, "process_resident_memory_bytes"))],
        ["Open files", `${number(sum(samples, "process_open_fds"))} of ` +
            number(sum(samples, "process_max_fds"))],
        ["Queued for sessions", `${bytes(sum(samples, "gridd_queued_bytes"))} of ` +
            bytes(sum(samples, "gridd_queued_bytes_max"))],
        ["Sessions that catch up", number(sum(samples, "gridd_sessions_replaying"))],
        ["Messages that wait", `${number(status.messages.waiting)}, ` +
            bytes(status.messages.waiting_bytes)],
        ["Payloads that cannot be read", status.unreadable_items > 0
            ? badge(number(status.unreadable_items), "bad") : "0"],
        ...expiries.map(({ labels, value }) => {
            const until = new Date(value * 1000).toISOString();
            const days = daysLeft(until);
            return [["Certificate for ", quoted(labels.use)], [time(until), " ",
                badge(days < 0 ? "expired" : `${days} days`,
                    days < 0 ? "bad" : days < EXPIRES_SOON_DAYS ? "warn" : "good")]];
        }),
        ...Object.entries(status.listeners).map(([name, at]) =>
            [["Listens: ", quoted(name)], h("code", {}, quoted(at))]),
    ]);
}

function hitSummary(status, samples) {
    const { limits, refusals, log } = hits(status, samples);
    const sumOf = (rows) => rows.reduce((total, { count }) => total + count, 0);
    if (limits.length + refusals.length + log.length === 0)
        return [badge("none", "good"), " No limit was hit since the start."];
    return `${number(sumOf(limits))} times a limit was hit, ${number(sumOf(refusals))} logins or ` +
        `requests were refused, and the log has ${number(sumOf(log))} warnings and errors.`;
}

// --- the chain ---------------------------------------------------------------------------------

async function verify(result, signal) {
    let after = "";
    let checked = 0;
    for (;;) {
        const part = await get("audit/verify", { after }, signal);
        checked += part.checked;
        if (!part.ok) {
            replace(result, h("p", { class: "problem", role: "alert" }, "The chain is broken: ",
                quoted(part.broken.text)));
            return;
        }
        if (part.next === null) {
            replace(result, h("p", {}, badge("whole", "good"), ` ${number(checked)} records.`),
                facts([["Head", `number ${number(part.head.number)}`],
                    ["Hash", fingerprint(part.head.hash)],
                    part.head.time && ["Time", time(part.head.time)]]));
            return;
        }
        after = part.next;
        replace(result, h("p", {}, `${number(checked)} records so far…`));
    }
}

function chain(status) {
    const { cut, queued } = status.audit;
    return [`${number(queued)} records wait to be written.`,
        cut && [" Records up to number ", number(cut.number), " were cut ", ago(cut.time), " for ",
            h("code", {}, cut.for), ". ", cut.alarm && badge("space", "warn")]];
}

/// show(page): see app.js.
export async function show({ section, signal, status, onStatus, refreshStatus, failed }) {
    const problems = h("div");
    const store = h("div");
    const server = h("div");
    const cluster = h("div");
    const audit = h("p");
    const result = h("div", { "aria-live": "polite" });
    const reopen = button("Open the store again…", async () => {
        const isOpen = await ask({
            title: "Open the store again", label: "Open again",
            about: h("p", {}, "After the cause was mended: the store reads what is on disk, and " +
                "takes writes again."),
            act: () => send("POST", "store/reopen"),
        });
        if (isOpen) {
            toast("The store takes writes.");
            await refreshStatus();
        }
    });
    const check = button("Verify the chain", async () => {
        check.disabled = true;
        try {
            await verify(result, signal);
        } catch (error) {
            if (!signal.aborted)
                replace(result, h("p", { class: "problem", role: "alert" }, error.message));
        }
        check.disabled = false;
    });
    const limits = h("p");
    put(section, h("h1", {}, "Health"), problems, h("h2", {}, "Store"), store,
        h("div", { class: "actions" }, reopen), cluster,
        h("h2", {}, "Limits and refusals"), limits,
        h("h2", {}, "Server"), server, h("h2", {}, "Audit"), audit,
        h("div", { class: "actions" }, check), result);
    onStatus((now) => {
        replace(problems, now.problems.length
            ? now.problems.map((problem) => h("p", { class: "problem" }, quoted(problem)))
            : h("p", {}, badge("no problem", "good"), " The server has nothing to complain of."));
        reopen.hidden = now.store.writable || !may("reopen-store");
        replace(audit, chain(now));
    });
    await whenever([], SECONDS, signal, async () => {
        const samples = parse(await metricsText(signal));
        const now = status();
        replace(store, storeFacts(now, samples));
        replace(server, serverFacts(now, samples));
        if (samples.has("gridd_cluster_members"))
            replace(cluster, h("h2", {}, "Cluster"),
                clusterFacts(await get("cluster", {}, signal)));
        replace(limits, hitSummary(now, samples), " ", h("a", { href: "#/limits" }, "Which"));
    }, failed, SECONDS);
}
