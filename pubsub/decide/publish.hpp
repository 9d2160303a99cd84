// pubsub/decide/publish.hpp: filters and schemas look at a payload before the publish is decided.
#pragma once

#include "pubsub/model/state.hpp"
#include "pubsub/requests/requests.hpp"

namespace grid::pubsub {

/// Extracts the attributes for the topic's filters and checks its schema: off the core strand, and
/// once.
void ask_about_payload(const BrokerState& broker, const IqRequest& request, Publish& publish);

}   // namespace grid::pubsub
