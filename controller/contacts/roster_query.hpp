// controller/contacts/roster_query.hpp: jabber:iq:roster as text: requests in, results and pushes
// out (RFC 6121 §2).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/contacts/exchange.hpp"
#include "controller/contacts/rosters.hpp"
#include "xml/element.hpp"
#include "xml/result.hpp"
#include "xml/stanza.hpp"
#include "xml/stanza_error.hpp"

namespace grid::controller::contacts {

/// A roster get, or the one item of a roster set.
struct RosterRequest {
    bool is_set = false, is_removal = false;
    std::optional<std::string> version;   // of a get: what the client has; empty text: nothing yet
    NewItem item;                         // of a set; of a removal the contact alone
};
/// The errors of RFC 6121 §2.3.3. Any thread.
Result<RosterRequest, xml::StanzaError> parse_roster(xml::IqType type, const xml::Element& query);

/// The answer to a roster request, in jabber:client.
struct RosterAnswer {
    std::string payload;               // `<query/>`; empty: a bare result
    std::vector<std::string> pushes;   // after the answer, each as of `render_push`
};
/// All of it, or what changed since that version where that is less (§2.6.3).
RosterAnswer answer_get(const Roster& roster, const std::optional<std::string>& version);
/// ` id='…' type='set'>…</iq>` behind the address; of an item that is gone with its removal.
std::string render_push(const Roster& roster, std::string_view contact, storage::Revision version);

}   // namespace grid::controller::contacts
