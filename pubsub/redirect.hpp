// pubsub/redirect.hpp: the node of this service that a redirect names (XEP-0060 §8.4).
#pragma once

#include <string_view>

#include "pubsub/broker.hpp"

namespace grid::pubsub {

/// Null: none. Whatever the address in the URI: a name that must not be told is not told in any
/// disguise.
const Node* redirected_to(const Broker& broker, std::string_view uri);

}   // namespace grid::pubsub
