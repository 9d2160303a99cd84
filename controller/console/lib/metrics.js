// controller/console/lib/metrics.js: Prometheus' text, and the time between two of them.

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

/// Two readings of /metrics and the seconds between them.
export class Interval {
    constructor(before, after, seconds) {
        Object.assign(this, { before, after, seconds });
    }

    /// A counter's growth in a second; a server that began anew gives null.
    rate(name, wanted = {}) {
        const grown = sum(this.after, name, wanted) - sum(this.before, name, wanted);
        return grown < 0 || this.seconds <= 0 ? null : grown / this.seconds;
    }

    /// A quantile of what a histogram got meanwhile, as Prometheus estimates it; null: nothing.
    quantile(share, name) {
        const buckets = (this.after.get(`${name}_bucket`) ?? []).map(({ labels, value }) => ({
            bound: labels.le === "+Inf" ? Infinity : Number(labels.le),
            count: value - sum(this.before, `${name}_bucket`, { le: labels.le }),
        })).sort((a, b) => a.bound - b.bound);
        const total = buckets.at(-1)?.count ?? 0;
        if (total <= 0) return null;
        let below = 0;
        let low = 0;
        for (const { bound, count } of buckets) {
            if (count >= share * total) {
                if (bound === Infinity) return low;
                return low + (bound - low) * ((share * total - below) / (count - below || 1));
            }
            below = count;
            low = bound;
        }
        return low;
    }
}
