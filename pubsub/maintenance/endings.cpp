// pubsub/maintenance/endings.cpp: see endings.hpp.
#include "pubsub/maintenance/endings.hpp"

#include <utility>

#include "pubsub/decide/subscription_change.hpp"

namespace grid::pubsub {

using storage::Batch;
using storage::Family;

namespace {

constexpr storage::Millis window_ms = 24 * 3600 * 1000;
constexpr std::size_t counts_max = 10'000;

constexpr std::size_t endings_per_batch = 20;

/// §12.5: because the subscriber asked for it, or because the node's owner did for all.
bool is_temporary(const Node& node, const Subscription& subscription) {
    return node.config().tempsub || options_of(subscription.options).is_temporary;
}

/// A batch for one record: its conflict holds up no other.
Batch lease_batch(
    const BrokerState& broker,
    const Node& node,
    const Subscriptions::value_type& entry,
    storage::Millis now
) {
    const auto& [key, subscription] = entry;
    Batch batch;
    if (subscription.expire() <= now) {
        end_subscription(broker, batch, node, entry, true, "its lease ended");
        return batch;
    }
    Context context;
    context.now = now;
    Subscription next = subscription;
    next.is_reminded = true;   // reminded once, even over a restart
    put_subscription(broker, context, batch, node, key, std::move(next));
    batch.event = encode(LeaseEnding{node.uid, key.jid, key.subid});
    return batch;
}

}   // namespace

bool Bounces::count(const Bounced& bounced, storage::Millis now, std::uint32_t bounces_max) {
    if (counts_.size() >= counts_max) counts_.clear();
    std::string key = bounced.jid + '\n' + std::to_string(bounced.node);
    Count& count = counts_[key];
    if (count.bounces == 0 || now - count.since > window_ms || now < count.since) count = {0, now};
    if (++count.bounces < bounces_max) return false;
    counts_.erase(key);
    return true;
}

// See pubsub/maintenance/endings.hpp.

void Leases::end(const Node& node, const Subscriptions::value_type& entry) {
    endings_.push_back({node.uid, entry.first, entry.second.revision});
}

void Leases::started(const Memory& memory) {
    // A scan after a gap in the feed is no start: the sessions are still there.
    if (std::exchange(is_started_, true)) return;
    for (const auto& [uid, node] : memory.nodes())
        for (const auto& entry : node->subscriptions)
            if (is_temporary(*node, entry.second)) end(*node, entry);
}

void Leases::session_ended(const Memory& memory, const xml::Jid& full, bool is_last_of_account) {
    for (const auto& [uid, count] : memory.subscribed_nodes(full.bare_view())) {
        const Node* node = memory.find(uid);
        if (!node || node->record.is_deleted) continue;
        const auto end_of = [&](std::string_view jid) {
            const auto [first, last] = node->subscriptions_of(jid);
            for (auto at = first; at != last; ++at)
                if (is_temporary(*node, at->second)) end(*node, *at);
        };
        if (!full.is_bare()) end_of(full.str());
        if (is_last_of_account) end_of(full.bare_view());
    }
}

void Leases::end_all(const Memory& memory, const xml::Jid& full, std::uint64_t wanted) {
    for (const auto& [uid, count] : memory.subscribed_nodes(full.bare_view())) {
        const Node* node = memory.find(uid);
        if (!node || (wanted != 0 && wanted != uid)) continue;
        for (const std::string_view jid : {full.bare_view(), std::string_view(full.str())}) {
            const auto [first, last] = node->subscriptions_of(jid);
            for (auto at = first; at != last; ++at) end(*node, *at);
            if (full.is_bare()) break;
        }
    }
}

std::vector<Batch> Leases::due(
    const BrokerState& broker, storage::Millis now, std::size_t batches_max
) {
    std::vector<Batch> batches;
    const Memory& memory = broker.memory;
    for (const Lease& lease : memory.leases()) {
        if (lease.due > now || batches.size() >= batches_max) break;
        const Node* node = memory.find(lease.node);
        if (!node || node->record.is_deleted) continue;   // goes with the node
        batches.push_back(lease_batch(broker, *node, *node->subscriptions.find(lease.key), now));
    }
    // They stay in the list until they are seen gone, or written anew.
    std::size_t in_batch = endings_per_batch;
    for (std::size_t i = 0, count = endings_.size(); i < count; ++i) {
        const Ending ending = std::move(endings_.front());
        endings_.pop_front();
        const Node* node = memory.find(ending.node);
        if (!node || node->record.is_deleted) continue;
        const auto found = node->subscriptions.find(ending.key);
        if (found == node->subscriptions.end() || found->second.revision != ending.revision)
            continue;
        endings_.push_back(ending);
        if (in_batch == endings_per_batch) {
            if (batches.size() >= batches_max) continue;
            batches.emplace_back();
            in_batch = 0;
        }
        end_subscription(
            broker, batches.back(), *node, *found, false,
            "it was for a session that ended, or its notifications came back"
        );
        ++in_batch;
    }
    return batches;
}

}   // namespace grid::pubsub
