// controller/audit/cut.hpp: retention: the oldest records go, and the chain says up to where.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "storage/chain.hpp"
#include "storage/store.hpp"

namespace grid::controller::audit {

struct Retention {
    storage::Millis keep_ms = 0;    // 0: for ever
    std::uint64_t keep_bytes = 0;   // 0: any number
};

/// The newest cut: the records up to `key` are gone, and the chain goes on from `link`. Kept in
/// Control, and confirmed by the record "audit-cut" that the same batch put into the chain.
struct Cut {
    std::string key;
    storage::Link link;
    storage::Revision revision = 0;   // of the batch that made it
};
inline constexpr std::string_view cut_operation = "audit-cut";
std::string cut_key();
std::string cut_detail(const storage::Link& link);
/// Nothing: never cut. Corrupt: its record cannot be understood.
storage::Result<std::optional<Cut>> newest_cut(const storage::Snapshot& snapshot);

/// The batch that cuts what need not be kept any more; nothing when there is nothing. Runs on the
/// reader pool.
storage::Result<std::optional<storage::Batch>> plan_cut(
    const storage::Snapshot& snapshot, const Retention& retention, storage::Millis now
);

}   // namespace grid::controller::audit
