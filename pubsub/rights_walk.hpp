// pubsub/rights_walk.hpp: rights that a policy may take away, with their holders, page by page.
#pragma once

#include "pubsub/broker.hpp"

namespace grid::pubsub {

/// See Engine::holders. Of each node its subscriptions, then its publishers.
HolderPage holders_after(const Broker& broker, const HolderCursor& after, std::size_t max);

}   // namespace grid::pubsub
