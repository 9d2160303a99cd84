// pubsub/decide/bounce.cpp: a notification came back with an error (XEP-0060 §12.4).
#include <algorithm>
#include <array>

#include "pubsub/decide/grant.hpp"
#include "pubsub/decide/subscription_change.hpp"
#include "pubsub/model/events.hpp"
#include "pubsub/requests/requests.hpp"

namespace grid::pubsub {

using storage::Batch;

namespace {

/// Errors that say "not now" or "not so" rather than "never again".
constexpr std::array counted{
    "bad-request", "feature-not-implemented", "not-acceptable", "redirect", "resource-constraint"
};

bool is_final(const Bounce& bounce) {
    if (bounce.condition == "gone") return true;
    return bounce.type == "cancel" &&
           std::find(counted.begin(), counted.end(), bounce.condition) == counted.end();
}

/// Whether the id that came back is one of our events'.
bool is_of_event(const Bounce& bounce) { return bounce.message.starts_with(event_id); }

/// The node whose notification came back, if its sender subscribed to it: it is named where the
/// event was returned, else found by the message's id. Null: it cannot be told.
const Node* node_of(const BrokerState& broker, std::string_view bare, const Bounce& bounce) {
    const auto& subscribed = broker.memory.subscribed_nodes(bare);
    if (bounce.node) {
        const Node* node = broker.memory.find(*bounce.node);
        return node && subscribed.contains(node->uid) ? node : nullptr;
    }
    if (subscribed.size() == 1) return broker.memory.find(subscribed.begin()->first);
    if (!is_of_event(bounce)) return nullptr;
    const auto told = broker.memory.cursors().find_message(bounce.message.substr(event_id.size()));
    return told && subscribed.contains(told->node) ? broker.memory.find(told->node) : nullptr;
}

}   // namespace

/// A session speaks for its own addresses, bare and full, and for nobody else's: `from` is never
/// looked at. There is no answer: errors are never answered, and an answer could bounce again.
Decision decide(const BrokerState& broker, const Context& context, const Bounce& bounce) {
    const xml::Jid& full = context.actor.jid;
    const std::string_view bare = full.bare_view();
    if (!bounce.node && !is_of_event(bounce)) return Reply{};   // of no event
    if (bounce.type == "continue" || broker.memory.subscribed_nodes(bare).empty()) return Reply{};
    const Node* node = node_of(broker, bare, bounce);
    if (node && is_final(bounce)) {
        auto granted = find_node(broker, context, Right::Subscribe, node->name());
        if (!granted) return Reply{};
        Batch batch;
        const auto end_of = [&](std::string_view jid) {
            const auto [first, last] = node->subscriptions_of(jid);
            for (auto at = first; at != last; ++at)
                erase_subscription(broker, batch, *node, *at, false);
        };
        end_of(bare);
        if (!full.is_bare()) end_of(full.str());
        if (batch.operations.empty()) return Reply{};
        return commit(broker, context, *granted, std::move(batch));
    }
    Batch batch;   // which is only counted (pubsub/maintenance/endings.hpp), in its place among all
                   // others
    batch.is_volatile = true;
    batch.event = encode(Bounced{full.str(), node ? node->uid : 0});
    return Decision::Change{std::move(batch), Reply{}};
}

}   // namespace grid::pubsub
