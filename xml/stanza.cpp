// xml/stanza.cpp: answers to stanzas.
#include "xml/stanza.hpp"

namespace grid::xml {

/// A stanza of the same name back to where `stanza` came from.
static Element reply_to(const Element& stanza, std::string type) {
    Element reply(stanza.name(), stanza.ns(), {{"type", std::move(type)}});
    if (const std::string* id = stanza.attr("id")) reply.set("id", *id);
    if (const std::string* to = stanza.attr("to")) reply.set("from", *to);
    if (const std::string* from = stanza.attr("from")) reply.set("to", *from);
    return reply;
}

Element iq_result(const Element& request, std::optional<Element> payload) {
    Element result = reply_to(request, "result");
    if (payload) result.add(std::move(*payload));
    return result;
}

Element error_reply(const Element& stanza, const StanzaError& error) {
    Element reply = reply_to(stanza, "error");
    Element in_client = error.to_element();
    // On a component's stream the error is in the namespace of its stanza.
    Element made("error", stanza.ns(), in_client.attrs());
    for (Element& node : in_client.mutable_nodes()) made.add(std::move(node));
    return std::move(reply.add(std::move(made)));
}

std::optional<IqType> iq_type(const Element& iq) {
    std::string_view type = iq.attr_or("type", "");
    if (type == "get") return IqType::Get;
    if (type == "set") return IqType::Set;
    if (type == "result") return IqType::Result;
    if (type == "error") return IqType::Error;
    return std::nullopt;
}

}   // namespace grid::xml
