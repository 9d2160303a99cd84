// xml/iq_form.hpp: the rules for an iq, whoever sends it (RFC 6120 §8.1.3, §8.2.3), and which
// stanzas are answers.
#pragma once

#include <optional>

#include "xml/element.hpp"
#include "xml/stanza_error.hpp"

namespace grid::xml {

/// A result or an error, which is never answered, not even by an error (§8.3.1).
bool is_iq_answer(const Element& iq);
/// Such an iq, or an error of any kind: never answered itself.
bool is_answer(const Element& stanza);
/// The reason why a question is none; an answer needs an 'id' as well.
std::optional<StanzaError> malformed_iq(const Element& iq);

}   // namespace grid::xml
