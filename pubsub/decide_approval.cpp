// pubsub/decide_approval.cpp: an owner answers an approval request (XEP-0060 §8.6).
#include <utility>

#include "pubsub/access.hpp"
#include "pubsub/events.hpp"
#include "pubsub/subscription_change.hpp"
#include "pubsub/use_cases.hpp"

namespace grid::pubsub {

using storage::Batch;
using storage::Family;

namespace {

/// The pending subscription that is meant; subids may be left out while there is one only.
const Subscriptions::value_type* find_pending(const Node& node, const Approval& answer) {
    const auto [first, last] = node.subscriptions_of(answer.subscriber.str());
    for (auto at = first; at != last; ++at)
        if (at->second.state == SubscriptionState::Pending &&
            (answer.subid.empty() || at->first.subid == answer.subid))
            return &*at;
    return nullptr;
}

}   // namespace

Decision decide(const Broker& broker, const Context& context, const Approval& answer) {
    // A message that is not an owner's is dropped without an answer, and on record.
    auto granted = grant_owner(broker, context, answer.node);
    if (!granted) return Reply{};
    const Node& node = *granted->node;
    const auto* pending = find_pending(node, answer);
    if (!pending) return Reply{};   // answered already, or withdrawn
    Batch batch = start_batch(*granted);
    const std::string_view bare = answer.subscriber.bare_view();
    if (!answer.is_allowed || is_shut_out(node.affiliation(bare))) {
        erase_subscription(batch, node, *pending, true);
    } else {
        const SubscriptionKey& key = pending->first;
        Subscription next = pending->second;
        next.state = SubscriptionState::Subscribed;
        put_subscription(broker, context, batch, node, key, std::move(next));
        batch.expect(
            Family::Control, affiliation_key(node.rights().uid, bare),
            node.affiliation_revision(bare)
        );
        batch.event += encode(
            SubscriptionChanged{node.uid, key.jid, key.subid, SubscriptionState::Subscribed, true}
        );
    }
    return commit(broker, context, *granted, std::move(batch));
}

}   // namespace grid::pubsub
