// controller/audit/position.hpp: finding records of the audit by what grows with their order.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "storage/chain.hpp"
#include "storage/clock_steps.hpp"
#include "storage/store.hpp"

namespace grid::controller::audit {

struct Place {
    std::string key;
    /// Of the batch, as it is read after a clock was set back: never goes back along the keys.
    storage::Millis time = 0;
    storage::Link link;   // number 0: from before there was a chain
};

/// Records found by their keys in one snapshot.
class Places {
public:
    explicit Places(const storage::Snapshot& snapshot);

    Place place_of(std::string_view key, const storage::Record& stored) const;
    /// The record at or after `from`, or with `reverse` the last one before it (empty: of all).
    storage::Result<std::optional<Place>> neighbour(const std::string& from, bool reverse) const;
    /// The key behind the last record from `from` on for which `is_before` holds; it holds for a
    /// first part of them, so a binary search over revisions finds it.
    storage::Result<std::string> end_of(
        const std::string& from, const std::function<bool(const Place&)>& is_before
    ) const;

private:
    const storage::Snapshot& snapshot_;
    storage::ClockSteps steps_;
};

std::string key_of(storage::Revision revision);
storage::Revision revision_of(std::string_view key);
/// Of a stored value, its link in the chain; number 0: from before there was a chain.
storage::Link link_in(std::string_view value);

}   // namespace grid::controller::audit
