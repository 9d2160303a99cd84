// pubsub/subscription_notification.hpp: the message to a subscriber about its subscription.
#pragma once

#include <string>

#include "pubsub/broker.hpp"
#include "pubsub/node.hpp"
#include "storage/batch.hpp"

namespace grid::pubsub {

/// XEP-0060 §12.14, as it stands in the <message/>; with the end of a lease, if there is one.
std::string subscription_event(
    const Node& node, const SubscriptionKey& key, SubscriptionState state, storage::Millis expire
);

/// §8.6: an owner who is away now is asked at the next login.
void owe_approval(
    const Broker& broker, const Node& node, const SubscriptionKey& key, storage::Batch& batch
);

}   // namespace grid::pubsub
