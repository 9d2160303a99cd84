// server/gridctl/xmpp/refusal.cpp: see server/gridctl/xmpp/refusal.hpp.
#include "server/gridctl/xmpp/refusal.hpp"

#include "xml/namespaces.hpp"

namespace grid::gridctl::xmpp {

std::string Refusal::words() const {
    std::string out = condition.empty() ? "an error without a condition" : condition;
    if (!application.empty()) out += " (" + application + ")";
    if (!text.empty()) out += ": " + text;
    return out;
}

Refusal read_refusal(const xml::Element& error) {
    Refusal out;
    out.type = error.attr_or("type", "");
    for (const xml::Element* child : error.children()) {
        const bool is_defined = child->ns() == xml::ns::stanza_errors ||
                                child->ns() == xml::ns::stream_errors ||
                                child->ns() == xml::ns::sasl;
        if (is_defined && child->name() == "text")
            out.text = child->text();
        else if (is_defined && out.condition.empty())
            out.condition = child->name();
        else if (!is_defined && out.application.empty())
            out.application = child->name();
    }
    return out;
}

Refusal refusal_in(const xml::Element& stanza) {
    const xml::Element* error = stanza.child("error");
    return error ? read_refusal(*error) : Refusal();
}

}   // namespace grid::gridctl::xmpp
