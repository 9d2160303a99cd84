// controller/audit/cut.hpp: retention: the oldest records go, and the chain says up to where.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "controller/audit/record.hpp"
#include "storage/chain.hpp"
#include "storage/store.hpp"

namespace grid::controller::audit {

struct Retention {
    storage::Millis keep_ms = 0;    // 0: for ever
    std::uint64_t keep_bytes = 0;   // 0: any number
};

/// The newest cut: of the records up to `key` only those are left that cuts for want of space kept,
/// and the chain goes on from `link`. Kept in Control, and confirmed by the record "audit-cut" that
/// the same batch put into the chain.
struct Cut {
    std::string key;
    storage::Link link;
    /// Kept records are a chain of their own, from behind the one link up to the other.
    storage::Link kept_from, kept_to;
    bool is_for_space = false;        // audit.keep_bytes asked for it, not audit.keep_days
    storage::Millis time = 0;         // of the batch that made it
    storage::Revision revision = 0;   // the same
};
inline constexpr std::string_view cut_operation = "audit-cut";
std::string cut_key();
std::string cut_detail(const Cut& cut);
std::optional<Cut> decode_cut(const storage::Record& stored);
/// nullopt: never cut. Corrupt: the record of the cut cannot be understood.
storage::Result<std::optional<Cut>> newest_cut(const storage::Snapshot& snapshot);

/// Records that ordinary use makes by the thousand; they go first where space is short. Refusals of
/// accounts and what administrators and owners do stay longer.
bool is_everyday(const Record& record);

struct PlannedCut {
    storage::Batch batch;
    Cut cut;
    std::uint64_t removed = 0;   // records that go
    bool has_more = false;       // true: more records are due than one batch holds
};
/// A bounded part of the records that need not be kept any more, if there are any. Runs on the
/// reader pool.
storage::Result<std::optional<PlannedCut>> plan_cut(
    const storage::Snapshot& snapshot, const Retention& retention, storage::Millis now
);

}   // namespace grid::controller::audit
