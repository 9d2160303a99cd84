// xml/stanza.hpp: message, presence and iq around a payload, and the answers to an iq.
#pragma once

#include <optional>
#include <string>

#include "xml/element.hpp"
#include "xml/jid.hpp"
#include "xml/stanza_error.hpp"

namespace grid::xml {

enum class IqType { Get, Set, Result, Error };

/// `<iq type='result'>` to a request, addresses swapped; `payload` may be absent. (§8.2.3)
Element iq_result(const Element& request, std::optional<Element> payload = std::nullopt);
/// The error reply to any stanza: same name and id, addresses swapped, `<error/>`. (§8.3.1)
Element error_reply(const Element& stanza, const StanzaError& error);
std::optional<IqType> iq_type(const Element& iq);

}   // namespace grid::xml
