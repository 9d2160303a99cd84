// pubsub/decide/redirect.hpp: the node of this service that a redirect names (XEP-0060 §8.4).
#pragma once

#include <string_view>

#include "pubsub/model/state.hpp"

namespace grid::pubsub {

/// The node of this service that the URI names, whatever its address and spelling; null: none. With
/// it a hidden name is recognised, and stays hidden, in any disguise.
const Node* redirected_to(const BrokerState& broker, std::string_view uri);

}   // namespace grid::pubsub
