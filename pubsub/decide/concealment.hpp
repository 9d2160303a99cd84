// pubsub/decide/concealment.hpp: a node that an actor may not know of is refused like an absent
// one.
#pragma once

#include <string_view>

#include "pubsub/requests/requests.hpp"

namespace grid::pubsub {

/// The decision as the actor may see it: a refusal that would tell of a node which the actor
/// does not know (pubsub/decide/grant.hpp) is the one for an absent node; all else stays.
Decision conceal(
    const BrokerState& broker, const Context& context, const Request& request, Decision decision
);

/// A publish to a name that no node may have, or that a node has which the actor does not know:
/// where publishing makes nodes (XEP-0060 §7.1.4) the right to create decides.
xml::StanzaError refuse_auto_create(
    const BrokerState& broker,
    const Context& context,
    const Publish& request,
    xml::StanzaError missing
);

/// Decides a request that was placed at that account (pubsub/requests/personal.hpp). An account
/// that the actor may not know of, and one that is not there, look alike.
Decision decide_at_account(
    const BrokerState& broker,
    const Context& context,
    std::string_view owner,
    const Request& request
);

}   // namespace grid::pubsub
