// controller/profiles/vcard.hpp: vCards of accounts (XEP-0054), kept in the store.
#pragma once

#include <optional>

#include "controller/state.hpp"
#include "pubsub/request.hpp"
#include "xml/element.hpp"

namespace grid::controller {

inline const xml::Ns vcard_ns{"vcard-temp"};

/// `<vCard xmlns='vcard-temp'/>`: to an account's bare address the server answers it (§3). Any
/// thread.
bool is_vcard(const xml::Element& payload);
/// A request to an account's bare address, or to none: the sender's own. Only an account itself
/// changes its vCard. Another's is shown to accounts that the policy lets send it messages; every
/// other case looks like an account that is not there, or has no vCard.
std::optional<Result<pubsub::PreparedRequest, xml::StanzaError>> prepare_vcard(
    const State& state, const pubsub::IqRequest& iq
);

}   // namespace grid::controller
