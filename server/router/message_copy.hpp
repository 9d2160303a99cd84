// server/router/message_copy.hpp: a message as another resource of its account gets it (XEP-0280).
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "controller/messages/message.hpp"
#include "server/session/transport.hpp"

namespace grid::server {

/// `text`: made by controller::carbon. Where a session leaves the copy unread, and no other has the
/// message, that is handed on: it has the message's number, and is relayed as that is.
inline Outgoing copy_of(const Outgoing& message, xml::Bytes text) {
    Outgoing copy = Outgoing::message(Address::Full, std::move(text));
    copy.number = message.number;
    copy.is_relayed = copy.is_shared = true;
    return copy;
}

/// A message itself has all its addresses in its text.
inline bool is_copy(const Outgoing& message) {
    return message.is_relayed && message.to != Address::None;
}

/// Of a copy the text of its message, as that was relayed.
inline xml::Bytes original_text(const Outgoing& message) {
    constexpr std::string_view begin =
        "<forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client'";
    constexpr std::string_view end = "</forwarded>";
    if (!is_copy(message)) return message.text;
    const std::string_view text = *message.text;
    const auto from = text.find(begin), to = text.rfind(end);
    if (from == std::string_view::npos || to == std::string_view::npos) return message.text;
    const auto behind = from + begin.size();
    return std::make_shared<const std::string>(
        std::string("<message").append(text.substr(behind, to - behind))
    );
}

}   // namespace grid::server
