// pubsub/maintenance/due.hpp: background work that time, limits and policy demand, in bounded
// batches.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "pubsub/model/retention.hpp"
#include "pubsub/model/state.hpp"

namespace grid::pubsub {

/// Places where a round of background work goes on. Soft state: starting over does no harm, since
/// each batch expects what it removes.
struct BackgroundCursor {
    RetentionCursor retention;
};

/// Erases items beyond retention and unreachable records, and removes subscriptions that an
/// affiliation or access model no longer allows.
std::vector<storage::Batch> due_batches(
    const BrokerState& broker,
    BackgroundCursor& cursor,
    storage::Millis now,
    std::size_t batches_max
);

}   // namespace grid::pubsub
