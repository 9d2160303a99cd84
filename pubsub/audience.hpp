// pubsub/audience.hpp: who is told of what happens at a node, and how (XEP-0060 §6.3, §7.1.2.4).
#pragma once

#include <vector>

#include "pubsub/broker.hpp"

namespace grid::pubsub {

/// See Engine::audience. In the order of the JIDs; one each, whatever the number of its
/// subscriptions (§6.1.6).
std::vector<Subscriber> audience_of(const Broker& broker, const Node& node, AudienceKind kind);

}   // namespace grid::pubsub
