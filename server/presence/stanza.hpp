// server/presence/stanza.hpp: a presence stanza, checked (RFC 6121 §4.7).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "controller/contacts/transitions.hpp"
#include "pubsub/delivery/subscriber.hpp"
#include "server/presence/capabilities.hpp"
#include "xml/element.hpp"
#include "xml/jid.hpp"
#include "xml/result.hpp"
#include "xml/stanza_error.hpp"

namespace grid::server::presence {

struct Stanza {
    enum class Type : std::uint8_t { Available, Unavailable, Probe, Subscription, Error };
    Type type = Type::Available;
    controller::contacts::Kind kind = controller::contacts::Kind::Subscribe;   // of a Subscription
    int priority = 0;
    std::uint8_t show = pubsub::Show::Online;
    /// Behind `<presence to='…'`: the rest of the stanza, in jabber:client. `from` is the session's
    /// full JID, of a Subscription its bare one (§3).
    std::string rest;
    std::string id;
    std::optional<Caps> caps;   // of one that is available
};

/// The refusal of a stanza that breaks the rules of §4.7, or that is longer than `bytes_max`. Any
/// thread.
Result<Stanza, xml::StanzaError> read_stanza(
    xml::Element element, const xml::Jid& from, std::size_t bytes_max
);

/// ` from='…' type='unavailable'/>`.
std::string plain_unavailable(const xml::Jid& from);

}   // namespace grid::server::presence
