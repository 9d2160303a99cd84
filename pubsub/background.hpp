// pubsub/background.hpp: what nobody asked for but time, limits and policy demand, in bounded
// batches.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "pubsub/broker.hpp"
#include "pubsub/retention.hpp"

namespace grid::pubsub {

/// Places where a round of background work goes on. Soft state: starting over does no harm, since
/// each batch expects what it removes.
struct BackgroundCursor {
    RetentionCursor retention;
};

/// Design §2: erases what is beyond retention or unreachable, removes subscriptions that an
/// affiliation or access model no longer allows.
std::vector<storage::Batch> due_batches(
    const Broker& broker, BackgroundCursor& cursor, storage::Millis now, std::size_t batches_max
);

/// Where the sweep stands that follows a change of policy.
struct SweepCursor {
    std::uint64_t policy = 0;   // revision being swept for
    bool is_done = false;
    std::string node;        // next one by name
    SubscriptionKey after;   // in it
};

/// Removes subscriptions whose subscriber may no longer receive. Looks at `subscriptions_max` of
/// them.
std::vector<storage::Batch> sweep_batches(
    const Broker& broker, SweepCursor& cursor, std::size_t subscriptions_max
);

}   // namespace grid::pubsub
