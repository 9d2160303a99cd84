// controller/console/lib/afterwards.js: work that waits for the end of a burst.

/// `work` after the last call of a burst.
export function afterwards(milliseconds, work) {
    let timer = 0;
    return (...given) => {
        clearTimeout(timer);
        timer = setTimeout(() => work(...given), milliseconds);
    };
}
