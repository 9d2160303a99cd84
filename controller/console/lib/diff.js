// controller/console/lib/diff.js: which lines two texts differ in.

const CELLS_MAX = 4_000_000;

/// The lines of both in order: [{ mark: " " | "-" | "+", text }…], as few changes as can be; of
/// texts that are too long for that, all of the old one's between equal ends is replaced.
export function diff(before, after) {
    const old = before.split("\n");
    const now = after.split("\n");
    let head = 0;
    while (head < old.length && head < now.length && old[head] === now[head]) ++head;
    let tail = 0;
    while (tail < old.length - head && tail < now.length - head &&
        old[old.length - 1 - tail] === now[now.length - 1 - tail]) ++tail;
    const same = (lines) => lines.map((text) => ({ mark: " ", text }));
    return [
        ...same(old.slice(0, head)),
        ...middle(old.slice(head, old.length - tail), now.slice(head, now.length - tail)),
        ...same(old.slice(old.length - tail)),
    ];
}

function middle(old, now) {
    if (old.length * now.length > CELLS_MAX)
        return [...old.map((text) => ({ mark: "-", text })),
            ...now.map((text) => ({ mark: "+", text }))];
    // common[i][j]: the longest common part of old from i and now from j.
    const width = now.length + 1;
    const common = new Uint32Array((old.length + 1) * width);
    for (let i = old.length - 1; i >= 0; --i)
        for (let j = now.length - 1; j >= 0; --j)
            common[i * width + j] = old[i] === now[j]
                ? common[(i + 1) * width + j + 1] + 1
                : Math.max(common[(i + 1) * width + j], common[i * width + j + 1]);
    const lines = [];
    let i = 0;
    let j = 0;
    while (i < old.length || j < now.length) {
        if (i < old.length && j < now.length && old[i] === now[j]) {
            lines.push({ mark: " ", text: old[i] });
            ++i;
            ++j;
        } else if (j >= now.length ||
            (i < old.length && common[(i + 1) * width + j] >= common[i * width + j + 1])) {
            lines.push({ mark: "-", text: old[i++] });
        } else {
            lines.push({ mark: "+", text: now[j++] });
        }
    }
    return lines;
}
