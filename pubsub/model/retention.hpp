// pubsub/model/retention.hpp: hidden items beyond retention are erased, in background batches.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "pubsub/model/state.hpp"

namespace grid::pubsub {

/// Items of one batch: each is an index record and a payload, and has to be expected.
inline constexpr std::size_t items_per_batch = 50;

/// For a batch after which the node shows fewer items, or may show more: pins the boundary, so that
/// hidden items stay hidden. Subscribers were notified that those are gone.
void pin_hidden_boundary(storage::Batch& batch, const Settings& settings, const Node& node);

/// Erases index and payload of the items with ranks [from, to), expecting them.
void erase_items(
    storage::Batch& batch,
    std::uint64_t uid,
    std::uint64_t epoch,
    const Items& items,
    std::size_t from,
    std::size_t to
);

/// Places where a round goes on.
struct RetentionCursor {
    std::uint64_t hiding = 0, crowded = 0, expiring = 0, aging = 0;   // next node uid to look at
};

/// Appends what is due, until there are `batches_max` batches: subscribers are notified of hidden
/// items, and items that expired or are beyond retention are erased. Looks at a bounded number of
/// nodes.
void add_retention(
    const BrokerState& broker,
    RetentionCursor& cursor,
    storage::Millis now,
    std::size_t batches_max,
    std::vector<storage::Batch>& batches
);

}   // namespace grid::pubsub
