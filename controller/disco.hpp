// controller/disco.hpp: service discovery at the controller's address (XEP-0030).
#pragma once

#include <optional>

#include "controller/state.hpp"

namespace grid::controller::gi {

/// disco#info of the controller and of its node `account`, disco#items of a service (its
/// providers).
std::optional<Result<pubsub::PreparedRequest, xml::StanzaError>> prepare_disco(
    const State& state, const pubsub::IqRequest& iq
);

}   // namespace grid::controller::gi
