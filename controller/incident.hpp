// controller/incident.hpp: incident reports to the grid (XEP-0268) become publishes.
#pragma once

#include <optional>

#include "controller/state.hpp"
#include "xml/element.hpp"

namespace grid::controller {

inline const xml::Ns incident_ns{"urn:xmpp:incident:2"};

/// The request as the broker understands it: `<report/>` is a publish to the configured topic,
/// under the sender's rights. Refused: a form that is none of the XEP's. Inquiries and requests
/// are routed, not prepared (Router).
std::optional<Result<pubsub::PreparedRequest, xml::StanzaError>> prepare_incident(
    const State& state, const pubsub::IqRequest& iq
);

}   // namespace grid::controller
