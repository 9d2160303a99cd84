// xml/iq_form.cpp: see xml/iq_form.hpp.
#include "xml/iq_form.hpp"

#include "xml/stanza.hpp"

namespace grid::xml {

bool is_iq_answer(const Element& iq) {
    const auto type = iq_type(iq);
    return type == IqType::Result || type == IqType::Error;
}

bool is_answer(const Element& stanza) {
    return stanza.name() == "iq" ? is_iq_answer(stanza) : stanza.attr_or("type", "") == "error";
}

std::optional<StanzaError> malformed_iq(const Element& iq) {
    if (!iq_type(iq) || iq.attr_or("id", "").empty())
        return bad_request("an iq needs an 'id', and a 'type' of get, set, result or error");
    if (!is_iq_answer(iq) && iq.child_count() != 1)
        return bad_request("an iq of type get or set has exactly one child (RFC 6120 §8.2.3)");
    return std::nullopt;
}

}   // namespace grid::xml
