// storage/checkpoint.hpp: a copy of a store that no process has open: looked at, and given another
// life.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "storage/chain.hpp"
#include "storage/errors.hpp"
#include "storage/rocks_settings.hpp"
#include "storage/store.hpp"

namespace grid::storage {

/// Facts that the files hold about themselves.
struct CheckpointFacts {
    std::string store_id;
    std::uint64_t epoch = 0;
    std::uint32_t schema = 0;
    Revision revision = 0;   // the last that was given
    Millis time = 0;         // of that commit
    Link audit;              // of the last audit record
};

/// Reads the copy in `settings.path`, without changing it. Errors as of open_rocks_store.
Result<CheckpointFacts> look_at_checkpoint(
    const RocksSettings& settings, const std::function<void(const Snapshot&)>& look = {}
);

/// Revisions between two lives of a store. Those that the first one gave out after it was copied
/// (in cursors, versions, delivery positions) lie in between, so that none is given twice.
inline constexpr Revision epoch_gap = Revision{1} << 40U;
/// More than a store gives in that time. A copy that begins a life a second time begins behind what
/// its first one gave until `now`.
inline constexpr Revision revisions_per_milli_max = 1000;

/// Makes the copy in `settings.path` a store of its own: the next epoch, its revisions behind the
/// gap, and behind the time from the copy's last commit to `now`. The facts are those of before.
Result<CheckpointFacts> begin_epoch(const RocksSettings& settings, Millis now);

}   // namespace grid::storage
