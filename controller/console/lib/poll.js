// controller/console/lib/poll.js: work that is done again and again while its page is looked at.

/// Runs `work` now and `seconds` after each end of it, until `signal` is aborted; not while the
/// page is hidden. `failed` gets what it throws.
export function every(seconds, signal, work, failed = () => {}) {
    let timer = 0;
    let isRunning = false;
    async function run() {
        if (isRunning || signal.aborted) return;
        clearTimeout(timer);
        isRunning = true;
        try {
            await work();
        } catch (error) {
            if (!signal.aborted) failed(error);
        }
        isRunning = false;
        if (!signal.aborted && !document.hidden) timer = setTimeout(run, seconds * 1000);
    }
    document.addEventListener("visibilitychange", () => {
        if (!document.hidden) run();
    }, { signal });
    signal.addEventListener("abort", () => clearTimeout(timer));
    return run();
}

/// `work` after the last call of a burst.
export function afterwards(milliseconds, work) {
    let timer = 0;
    return (...given) => {
        clearTimeout(timer);
        timer = setTimeout(() => work(...given), milliseconds);
    };
}
