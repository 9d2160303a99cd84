// controller/console/lib/limits.js: the limits that are counted, in words, with their keys.

export const LIMITS = {
    rate_slowed: {
        what: "Sessions that were slowed: they sent faster than their allowance",
        key: "limits.stanzas_per_second, limits.bytes_per_second",
    },
    flood_cut: {
        what: "Sessions that were ended: they went on sending faster than their allowance",
        key: "limits.flood_seconds_max",
    },
    outbox_bytes: {
        what: "Sessions that were ended: they did not read what was sent to them",
        key: "limits.outbox_bytes_max",
    },
    audit_dropped: {
        what: "Audit records that found no room, and were only counted",
        key: "audit.queue_max",
    },
    transfers_refused: { what: "Transfers that were refused", key: "bulk.*" },
    transfers_quota: { what: "Transfers that were ended: their bytes were used up", key: "bulk.*" },
};
