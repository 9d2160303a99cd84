// controller/console/lib/hits.js: what the server had to refuse or to hold back since its start.
import { LIMITS } from "./limits.js";

const rowsOf = (samples, name) => samples.get(name) ?? [];

/// Rows { what, key?, count } of what has happened at least once, the most frequent first:
/// { limits, refusals, log }.
export function hits(status, samples) {
    const limits = rowsOf(samples, "gridd_limit_hits_total").map(({ labels, value }) =>
        ({ ...(LIMITS[labels.limit] ?? { what: `Limit ${labels.limit}` }), count: value }));
    limits.push({ ...LIMITS.audit_dropped, count: status.audit.dropped });
    limits.push({ ...LIMITS.transfers_refused, count: status.bulk.refused });
    limits.push({ ...LIMITS.transfers_quota, count: status.bulk.ended.quota ?? 0 });
    const refusals = rowsOf(samples, "gridd_refusals_total").map(({ labels, value }) =>
        ({ what: `${labels.what}: ${labels.condition}`, count: value }));
    const log = rowsOf(samples, "gridd_log_events_total")
        .filter(({ labels }) => labels.level === "warn" || labels.level === "error")
        .map(({ labels, value }) => ({ what: `${labels.level}: ${labels.event}`, count: value }));
    const happened = (rows) => rows.filter(({ count }) => count > 0)
        .sort((a, b) => b.count - a.count);
    return { limits: happened(limits), refusals: happened(refusals), log: happened(log) };
}
