// controller/console/lib/live.js: what happens, as the server tells it (GET /api/v1/events).
//
// One stream for all of the page, closed while nobody looks at it: a browser has few connections
// to one server, and the tabs share them.

const KINDS = ["state", "accounts", "sessions", "transfers", "audit", "lost"];
const RETRY_SECONDS = 10;
const SLOW_SECONDS = 60;
const PAUSE_SECONDS = 1;

const listeners = new Map([...KINDS, "open", "end"].map((kind) => [kind, new Set()]));
let source = null;
let isOpen = false;
let retry = 0;
let lastRecord = "";
let stopped = true;

function tell(kind, data) {
    for (const listener of [...listeners.get(kind)]) listener(data);
}

function close() {
    clearTimeout(retry);
    source?.close();
    source = null;
    isOpen = false;
}

function open() {
    if (source || stopped || document.hidden) return;
    clearTimeout(retry);
    const after = lastRecord === "" ? "" : `?after=${lastRecord}`;
    const opened = new EventSource("/api/v1/events" + after);
    source = opened;
    opened.addEventListener("open", () => {
        isOpen = true;
        tell("open");
    });
    opened.addEventListener("error", () => {
        isOpen = false;
        // A stream that was cut is opened again by the browser; one that was refused is not.
        if (opened.readyState !== EventSource.CLOSED || source !== opened) return;
        close();
        retry = setTimeout(open, RETRY_SECONDS * 1000);
        tell("end");
    });
    opened.addEventListener("end", () => {
        close();
        retry = setTimeout(open, RETRY_SECONDS * 1000);
        tell("end");
    });
    for (const kind of KINDS)
        opened.addEventListener(kind, (event) => {
            if (event.lastEventId !== "") lastRecord = event.lastEventId;
            tell(kind, JSON.parse(event.data));
        });
}

/// From now on, while the page is looked at, until `signal` is aborted.
export function listen(signal) {
    stopped = false;
    document.addEventListener("visibilitychange", () => document.hidden ? close() : open(),
        { signal });
    signal.addEventListener("abort", () => {
        stopped = true;
        close();
    });
    open();
}

/// Whether events come.
export function isLive() {
    return isOpen;
}

/// Calls with the data of each event of that kind; "open": the stream has begun, "end": it was
/// refused, or the server ended it.
export function on(kind, signal, listener) {
    listeners.get(kind).add(listener);
    signal.addEventListener("abort", () => listeners.get(kind).delete(listener));
}

/// Runs `work` now, and again when an event of these kinds comes (a burst of them is one), when the
/// page is looked at again, and every minute; while no events come, every `seconds`. Until `signal`
/// is aborted. `failed` gets what it throws.
export function whenever(kinds, seconds, signal, work, failed = () => {}, slow = SLOW_SECONDS) {
    let timer = 0;
    let isRunning = false;
    let isAsked = false;
    let ended = -Infinity;
    const wait = (milliseconds) => {
        clearTimeout(timer);
        timer = setTimeout(run, milliseconds);
    };
    async function run() {
        clearTimeout(timer);
        if (signal.aborted || document.hidden) return;
        if (isRunning) {
            isAsked = true;
            return;
        }
        const early = ended + PAUSE_SECONDS * 1000 - performance.now();
        if (early > 0) {
            wait(early);
            return;
        }
        isRunning = true;
        isAsked = false;
        try {
            await work();
        } catch (error) {
            if (!signal.aborted) failed(error);
        }
        isRunning = false;
        ended = performance.now();
        if (!signal.aborted) wait((isAsked ? PAUSE_SECONDS : isOpen ? slow : seconds) * 1000);
    }
    for (const kind of [...kinds, "open", "lost"]) on(kind, signal, run);
    on("end", signal, () => isRunning || wait(seconds * 1000));
    document.addEventListener("visibilitychange", run, { signal });
    signal.addEventListener("abort", () => clearTimeout(timer));
    return run();
}
