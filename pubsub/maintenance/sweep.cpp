// pubsub/maintenance/sweep.cpp: see pubsub/maintenance/sweep.hpp.
#include "pubsub/maintenance/sweep.hpp"

#include "pubsub/decide/grant.hpp"
#include "pubsub/decide/subscription_change.hpp"

namespace grid::pubsub {

namespace {

/// A removal is two operations with its record, or three where it is noted for one that is away.
constexpr std::size_t operations_per_batch = 100;

/// One slice.
class Slice {
public:
    Slice(const BrokerState& broker, SweepCursor& cursor, std::size_t subscriptions_max)
        : broker_(broker), cursor_(cursor), left_(subscriptions_max) {}

    /// From behind `cursor.after`; false when the slice is over before the node is.
    bool sweep(const Node& node) {
        auto next = cursor_.after.jid.empty() ? node.subscriptions.begin()
                                              : node.subscriptions.upper_bound(cursor_.after);
        for (; next != node.subscriptions.end(); ++next) {
            if (left_ == 0) return false;
            --left_;
            check(node, *next);
            cursor_.after = next->first;
        }
        cursor_.after = {};
        return true;
    }
    bool is_over() const { return left_ == 0; }
    /// A node without subscriptions costs something, too.
    void count() {
        if (left_ != 0) --left_;
    }
    std::vector<storage::Batch> take() { return std::move(batches_); }

private:
    void check(const Node& node, const Subscriptions::value_type& entry) {
        const auto jid = xml::Jid::from_canonical(entry.first.jid);
        if (may_receive_events(broker_, node, jid)) return;
        if (batches_.empty() || batches_.back().operations.size() >= operations_per_batch)
            batches_.emplace_back();
        end_subscription(
            broker_, batches_.back(), node, entry, true, "the policy does not allow it any more"
        );
        cursor_.has_removed = true;
    }

    const BrokerState& broker_;
    SweepCursor& cursor_;
    std::size_t left_;
    std::vector<storage::Batch> batches_;
};

void begin_pass(SweepCursor& cursor) {
    cursor.is_done = false;
    cursor.has_removed = false;
    cursor.node.clear();
    cursor.after = {};
    cursor.end.clear();
    cursor.is_round = true;
}

/// One node after the other; true when the pass is through.
bool go_on(const BrokerState& broker, SweepCursor& cursor, Slice& slice) {
    const auto& nodes = broker.memory.by_name();
    for (auto at = nodes.lower_bound(cursor.node);; ++at) {
        if (at == nodes.end()) {
            if (cursor.is_round) return true;
            cursor.is_round = true;
            at = nodes.begin();
            if (at == nodes.end()) return true;
        }
        if (cursor.is_round && !cursor.end.empty() && at->first > cursor.end) return true;
        if (at->first != cursor.node) {
            cursor.node = at->first;
            cursor.after = {};   // the node where it stood may be gone
        }
        if (slice.is_over() || !slice.sweep(*at->second)) return false;
        slice.count();
    }
}

void sweep_configured(const BrokerState& broker, SweepCursor& cursor, Slice& slice) {
    while (!cursor.configured.empty() && !slice.is_over()) {
        const Node* node = broker.memory.find(*cursor.configured.begin());
        if (node && !node->record.is_deleted && !slice.sweep(*node)) return;
        slice.count();
        cursor.configured.erase(cursor.configured.begin());
    }
}

}   // namespace

bool is_sweep_pending(const BrokerState& broker, const SweepCursor& cursor) {
    return !cursor.is_done || cursor.policy != broker.policy.revision() ||
           !cursor.configured.empty();
}

std::vector<storage::Batch> sweep_batches(
    const BrokerState& broker, SweepCursor& cursor, std::size_t subscriptions_max
) {
    Slice slice(broker, cursor, subscriptions_max);
    if (const std::uint64_t policy = broker.policy.revision(); cursor.policy != policy) {
        cursor.policy = policy;
        if (cursor.is_done || cursor.node.empty()) {
            begin_pass(cursor);
        } else {
            cursor.end = cursor.node;
            cursor.is_round = false;
        }
    }
    if (cursor.is_done) {
        sweep_configured(broker, cursor, slice);
        return slice.take();
    }
    if (!go_on(broker, cursor, slice)) return slice.take();
    if (cursor.has_removed)
        begin_pass(cursor);
    else
        cursor.is_done = true;
    return slice.take();
}

}   // namespace grid::pubsub
