// controller/console/lib/metrics.js: Prometheus' text, read.

const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;
const ESCAPES = { n: "\n" };

/// By name, the samples: [{ labels, value }…].
export function parse(text) {
    const samples = new Map();
    for (const line of text.split("\n")) {
        const found = line.startsWith("#") ? null : SAMPLE.exec(line);
        if (!found) continue;
        const labels = {};
        for (const [, name, value] of (found[2] ?? "").matchAll(LABEL))
            labels[name] = value.replace(/\\(.)/g, (_, c) => ESCAPES[c] ?? c);
        const value = found[3] === "+Inf" ? Infinity : Number(found[3]);
        if (!samples.has(found[1])) samples.set(found[1], []);
        samples.get(found[1]).push({ labels, value });
    }
    return samples;
}

const fits = (labels, wanted) =>
    Object.entries(wanted).every(([name, value]) => labels[name] === value);

/// The sum of the samples that have these labels; 0 where there is none.
export function sum(samples, name, wanted = {}) {
    return (samples.get(name) ?? []).filter(({ labels }) => fits(labels, wanted))
        .reduce((total, { value }) => total + value, 0);
}
