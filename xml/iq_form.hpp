// xml/iq_form.hpp: the rules for an iq, whoever sends it (RFC 6120 §8.1.3, §8.2.3).
#pragma once

#include <optional>

#include "xml/element.hpp"
#include "xml/stanza_error.hpp"

namespace grid::xml {

/// A result or an error, which is never answered, not even by an error (§8.3.1).
bool is_iq_answer(const Element& iq);
/// The reason why a question is none; an answer needs an 'id' as well.
std::optional<StanzaError> malformed_iq(const Element& iq);

}   // namespace grid::xml
