// controller/requests/requests.hpp: requests of a client to its own account: copies of messages
// (XEP-0280), block list (XEP-0191), archive (XEP-0313).
#pragma once

#include <optional>

#include "controller/state.hpp"
#include "pubsub/request.hpp"

namespace grid::controller::requests {

using Prepared = Result<pubsub::PreparedRequest, xml::StanzaError>;

inline const xml::Ns blocking_ns{"urn:xmpp:blocking"};
inline const xml::Ns blocking_errors_ns{"urn:xmpp:blocking:errors"};

/// nullopt: the payload is none of these. Any thread; what it returns is run on the core strand.
std::optional<Prepared> prepare(const State& state, const pubsub::IqRequest& request);

std::optional<Prepared> prepare_copies(const pubsub::IqRequest& request);
std::optional<Prepared> prepare_blocking(const State& state, const pubsub::IqRequest& request);
std::optional<Prepared> prepare_archive(const State& state, const pubsub::IqRequest& request);
/// The first and the last message of an account's archive (XEP-0313 §5).
xml::Element archive_metadata(const State& state, std::string_view account);

/// XEP-0191 §3: the account's sessions that know the list hear what became of it.
void tell_of_block(const BlockEvent& event, SessionControl& control);

/// The answer to a stanza for an address that its sender has blocked.
xml::StanzaError blocked();

}   // namespace grid::controller::requests
