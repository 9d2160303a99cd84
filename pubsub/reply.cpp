// pubsub/reply.cpp: see reply.hpp.
#include "pubsub/reply.hpp"

#include <utility>

#include "xml/namespaces.hpp"
#include "xml/stanza.hpp"

namespace grid::pubsub {

Reply failed_reply(xml::Element payload, const xml::StanzaError& error) {
    return xml::Element(
        "iq", xml::ns::client, {{"type", "error"}}, std::move(payload), error.to_element()
    );
}

bool is_failed(const Reply& reply) { return reply && reply->is("iq", xml::ns::client); }

// Such a reply is a wrapper that no peer can send or see: the payload last.
Reply reply_after(std::vector<xml::Element> messages, xml::Element payload) {
    xml::Element all("stream", xml::ns::streams);
    all.mutable_nodes() = std::move(messages);
    all.add(std::move(payload));
    return all;
}

std::vector<xml::Element> take_messages(Reply& reply) {
    if (!reply || !reply->is("stream", xml::ns::streams)) return {};
    std::vector<xml::Element> messages = std::move(reply->mutable_nodes());
    reply = std::move(messages.back());
    messages.pop_back();
    return messages;
}

}   // namespace grid::pubsub
