// pubsub/subscription_change.cpp: see subscription_change.hpp.
#include "pubsub/subscription_change.hpp"

#include "pubsub/errors.hpp"
#include "pubsub/events.hpp"

namespace grid::pubsub {

using storage::Batch;
using storage::Family;

std::optional<xml::StanzaError> check_subscription_room(
    const Broker& broker, const Node& node, const xml::Jid& jid, Batch& batch
) {
    const std::size_t node_max = broker.settings.subscriptions_per_node_max;
    const std::size_t account_max = broker.settings.subscriptions_per_account_max;
    if (node.subscriptions.size() >= node_max)
        return refuse(Errc::TooManySubscriptions, "The node takes no more subscriptions.");
    if (broker.memory.subscriptions_of(jid.bare_view()) >= account_max)
        return refuse(
            Errc::TooManySubscriptions,
            "An account has at most " + std::to_string(account_max) + " subscriptions."
        );
    if (node.subscriptions.size() + subscription_slack < node_max) return std::nullopt;
    batch.expect(Family::Control, guard_key(node.uid), node.guard);
    batch.put(Family::Control, guard_key(node.uid), "");
    return std::nullopt;
}

void put_subscription(
    const Broker& broker,
    Batch& batch,
    const Node& node,
    const SubscriptionKey& key,
    SubscriptionState state
) {
    Subscription record;
    const auto found = node.subscriptions.find(key);
    if (found != node.subscriptions.end()) record = found->second;
    // What is owed from before stays owed; who becomes subscribed now starts with this batch.
    record.delivered =
        record.state == state && record.revision != 0 ? owed_from(record) : storage::Revision{0};
    record.state = state;
    record.checked = broker.policy.revision();
    std::string at = subscription_key(node.uid, key.jid, key.subid);
    batch.expect(Family::Control, at, record.revision);
    batch.put(Family::Control, std::move(at), encode(record));
}

void erase_subscription(
    Batch& batch, const Node& node, const Subscriptions::value_type& entry, bool is_told
) {
    const auto& [key, subscription] = entry;
    std::string at = subscription_key(node.uid, key.jid, key.subid);
    batch.expect(Family::Control, at, subscription.revision);
    batch.erase(Family::Control, std::move(at));
    batch.event +=
        encode(SubscriptionChanged{node.uid, key.jid, key.subid, SubscriptionState::None, is_told});
}

}   // namespace grid::pubsub
