// controller/search.hpp: search of accounts and topics (XEP-0055) at the controller.
#pragma once

#include <optional>

#include "controller/state.hpp"
#include "pubsub/request.hpp"

namespace grid::controller {

inline const xml::Ns search_ns{"jabber:iq:search"};

/// `<query xmlns='jabber:iq:search'/>`: a get is answered with a form, a set with what the asking
/// account may see: accounts that the policy lets it send messages to, topics that it may discover.
/// Pages by XEP-0059, forward. nullopt for any other payload.
std::optional<Result<pubsub::PreparedRequest, xml::StanzaError>> prepare_search(
    const State& state, const pubsub::IqRequest& iq
);

}   // namespace grid::controller
