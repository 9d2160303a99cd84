// pubsub/maintenance/sweep.hpp: authorization in time: subscriptions that the policy no longer
// allows are removed, a little at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "pubsub/model/state.hpp"

namespace grid::pubsub {

/// Where the sweep stands that follows a change of rights. Soft state: each batch expects what it
/// removes, and delivery does not wait for it (pubsub/delivery/audience.hpp asks the policy
/// itself).
struct SweepCursor {
    std::uint64_t policy = 0;   // revision being swept for
    bool is_done = false;
    std::string node;        // next one by name
    SubscriptionKey after;   // in it
    /// Rights that change during a pass do not take it back to the start, or it might never reach
    /// the end: it goes round once more, up to the node where it stood.
    std::string end;
    bool is_round = true;   // the pass is beyond the last node, or began at the first
    /// This pass removed something: another one follows, since a removal may have been refused for
    /// a subscription that was renewed in the same moment.
    bool has_removed = false;
    /// Nodes that were configured: rules may rest on their type. After the passes.
    std::set<std::uint64_t> configured;

    bool is_at_start() const { return !is_done && node.empty() && after.jid.empty(); }
};

bool is_sweep_pending(const BrokerState& broker, const SweepCursor& cursor);

/// Removes subscriptions whose subscriber may no longer receive, and tells them (XEP-0060 §12.14).
/// Looks at `subscriptions_max` of them.
std::vector<storage::Batch> sweep_batches(
    const BrokerState& broker, SweepCursor& cursor, std::size_t subscriptions_max
);

}   // namespace grid::pubsub
