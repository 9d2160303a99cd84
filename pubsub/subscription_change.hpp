// pubsub/subscription_change.hpp: the parts of a batch that make, change and end subscriptions.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "pubsub/broker.hpp"
#include "xml/stanza_error.hpp"

namespace grid::pubsub {

/// How many subscriptions may be in the queue at once: below the limit by less than that, the
/// node's guard makes them meet.
inline constexpr std::size_t subscription_slack = 4096;

/// §6.1.3.9. Near the limit of the node, adds its guard to the batch.
std::optional<xml::StanzaError> check_subscription_room(
    const Broker& broker, const Node& node, const xml::Jid& jid, storage::Batch& batch
);

/// Puts the record of a subscription, expecting what is there now: nothing, or its old state.
void put_subscription(
    const Broker& broker,
    storage::Batch& batch,
    const Node& node,
    const SubscriptionKey& key,
    SubscriptionState state
);
/// Erases the record, expecting it as it is, and says so in the event.
void erase_subscription(
    storage::Batch& batch, const Node& node, const Subscriptions::value_type& entry, bool is_told
);

}   // namespace grid::pubsub
