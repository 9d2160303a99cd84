// controller/console/lib/scroll.js: boxes that scroll, for people without a mouse.

const labels = new WeakMap();

function reach(box) {
    const { overflowX, overflowY } = getComputedStyle(box);
    const scrolls = (overflowY === "auto" && box.scrollHeight > box.clientHeight) ||
        (overflowX === "auto" && box.scrollWidth > box.clientWidth);
    const attributes = { tabindex: "0", role: "group", "aria-label": labels.get(box) };
    for (const [name, value] of Object.entries(attributes))
        if (scrolls) box.setAttribute(name, value);
        else box.removeAttribute(name);
}

const watch = new ResizeObserver((entries) => {
    const boxes = entries.map(({ target }) => labels.has(target) ? target : target.parentElement);
    for (const box of new Set(boxes)) if (labels.has(box)) reach(box);
});

/// The Tab key stops at a box as long as more is in it than it shows: only then can the arrow keys
/// scroll it. `children` that grow while the box does not are to be there already.
export function reachable(box, label) {
    labels.set(box, label);
    for (const element of [box, ...box.children]) watch.observe(element);
    return box;
}
