// controller/audit/tail.hpp: the newest records of the audit, for those who watch it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "controller/audit/query.hpp"

namespace grid::controller::audit {

struct Tail {
    std::vector<Entry> entries;   // the oldest first
    /// Records between the place that was asked for and the first entry: there were more than were
    /// wanted, or they were cut. nullopt: some, but how many is not known.
    std::optional<std::uint64_t> missed = 0;
    std::string last;   // id of the newest record of all; empty: there is none
};

/// The newest records behind that one (an id), at most `max`. With an empty `after` none, but
/// `last` is told. Runs on the reader pool.
storage::Result<Tail> read_tail(
    const storage::Snapshot& snapshot, const std::string& after, std::size_t max
);

}   // namespace grid::controller::audit
