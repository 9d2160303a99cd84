// controller/console/pages/transfers.js: bulk data on its way, and what has come of it.
import { get } from "../lib/api.js";
import { badge, dash, h, put, quoted, quotedOrDash, visible } from "../lib/dom.js";
import { ago, bytes, duration, number } from "../lib/format.js";
import { on, whenever } from "../lib/live.js";
import { account } from "../lib/names.js";
import { Table } from "../lib/table.js";

const SECONDS = 3;
const RECENT_MAX = 100;
const KINDS = { s5b: "SOCKS5", ibb: "in band", upload: "upload", download: "download",
    history: "history" };
const STATES = { running: "", complete: "good" };

/// Bytes a second between two looks, by the transfer's id.
class Speeds {
    constructor() {
        this.seen = new Map();
    }

    look(transfers) {
        const now = performance.now();
        const next = new Map();
        for (const { id, bytes: moved } of transfers) {
            const before = this.seen.get(id);
            const speed = before && now > before.at
                ? (moved - before.moved) * 1000 / (now - before.at) : null;
            next.set(id, { at: now, moved, speed });
        }
        this.seen = next;
        return transfers.map((one) => ({ ...one, speed: next.get(one.id).speed }));
    }
}

function end(jid) {
    return jid === null ? h("span", { class: "muted" }, "this server") : account(jid);
}

function progress(transfer) {
    const moved = bytes(transfer.bytes);
    // Both directions of a stream are counted: only with a size that is not passed is there a share.
    if (transfer.size === null || transfer.size === 0 || transfer.bytes > transfer.size)
        return moved;
    const share = transfer.bytes / transfer.size;
    return [`${moved} of ${bytes(transfer.size)} (${Math.floor(share * 100)} %)`,
        transfer.state === "running" && h("progress", { value: share, max: 1,
            "aria-label": `Progress of ${visible(transfer.what)}` })];
}

const what = {
    label: "What", class: "wide",
    cell: (one) => [quotedOrDash(one.what), one.rule !== "" &&
        h("div", { class: "muted" }, "allowed by ", quoted(one.rule))],
};
const ends = [
    { label: "Kind", cell: (one) => badge(KINDS[one.kind] ?? one.kind) },
    what,
    { label: "From", class: "name", cell: (one) => end(one.from) },
    { label: "To", class: "name", cell: (one) => end(one.to) },
];

const runningColumns = [
    ...ends,
    { label: "Progress", cell: progress },
    { label: "Speed", class: "number",
        cell: ({ speed }) => speed === null ? dash() : `${bytes(speed)}/s` },
    { label: "Since", isLive: true, cell: (one) => ago(one.started) },
];

function seconds(transfer) {
    return Math.max(0, (Date.parse(transfer.ended) - Date.parse(transfer.started)) / 1000);
}

const recentColumns = [
    ...ends,
    { label: "End", cell: (one) => [badge(one.state, STATES[one.state] ?? "bad"),
        one.detail !== null && h("div", { class: "muted" }, quoted(one.detail))] },
    { label: "Moved", cell: progress },
    { label: "Ended", isLive: true, cell: (one) => [ago(one.ended),
        h("div", { class: "muted" }, `after ${duration(seconds(one))}`)] },
];

/// show(page): see app.js.
export async function show({ section, signal, failed }) {
    const speeds = new Speeds();
    const count = h("p", { class: "muted" });
    const running = new Table({ label: "Under way", columns: runningColumns, key: ({ id }) => id,
        empty: "Nothing is being transferred." });
    const recent = new Table({ label: "Ended", columns: recentColumns, key: ({ id }) => id,
        empty: "No transfer has ended since the start." });
    put(section, h("h1", {}, "Transfers"), count, h("h2", {}, "Under way"), running.element,
        h("h2", {}, "Ended"), recent.element);
    let ended = [];
    function showAll(now, total) {
        count.textContent = total > now.length
            ? `${number(total)} under way, of which ${number(now.length)} are shown`
            : `${number(total)} under way`;
        running.rows = speeds.look(now);
        recent.rows = ended;
    }
    on("transfers", signal, (event) => {
        const known = new Set(event.recent.map(({ id }) => id));
        ended = [...event.recent, ...ended.filter(({ id }) => !known.has(id))]
            .slice(0, RECENT_MAX);
        showAll(event.transfers, event.running);
    });
    await whenever([], SECONDS, signal, async () => {
        const all = await get("transfers", {}, signal);
        ended = all.recent.slice(0, RECENT_MAX);
        showAll(all.transfers, all.transfers.length);
    }, failed);
}
