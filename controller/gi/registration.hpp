// controller/gi/registration.hpp: registering, by the Grid protocol and by XEP-0077 alike.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "controller/state.hpp"

namespace grid::controller::gi {

Outcome<RegistrationRequest> make_wishes(
    std::vector<std::string> groups, std::string description, std::string device_type
);
/// Registers the account of the session that asks, with the certificate that it showed.
Outcome<AccountChange> register_actor(
    const State& state, const pubsub::Context& context, const RegistrationRequest& wishes
);
/// `jabber:iq:register` at the controller's address (XEP-0077): registration for stock clients.
std::optional<Result<pubsub::PreparedRequest, xml::StanzaError>> prepare_registration(
    const State& state, const pubsub::IqRequest& iq
);

/// In-band registration of a stranger (XEP-0077 §3.1): `not-allowed` where it is switched off,
/// `not-acceptable` for a name or a password that cannot be. Any thread.
Result<pubsub::PreparedRequest, xml::StanzaError> prepare_stranger(
    const State& state, const std::string& username, const std::string& password
);

}   // namespace grid::controller::gi
