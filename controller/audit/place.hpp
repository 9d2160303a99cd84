// controller/audit/place.hpp: finding records of the audit by what grows with their order.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "storage/chain.hpp"
#include "storage/store.hpp"

namespace grid::controller::audit {

struct Place {
    std::string key;
    storage::Millis time = 0;
    storage::Link link;   // number 0: from before there was a chain
};

std::string key_of(storage::Revision revision);
/// The record at or after `from`, or with `reverse` the last one before it (empty: of all).
storage::Result<std::optional<Place>> neighbour(
    const storage::Snapshot& snapshot, const std::string& from, bool reverse
);
/// The key behind the last record for which `is_before` holds; it holds for a first part of the
/// records, so a binary search over revisions finds it.
storage::Result<std::string> end_of(
    const storage::Snapshot& snapshot, const std::function<bool(const Place&)>& is_before
);

}   // namespace grid::controller::audit
