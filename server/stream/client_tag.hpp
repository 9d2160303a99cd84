// server/stream/client_tag.hpp: stanzas that carry their own namespace, for transports that have no
// stream around them.
#pragma once

#include <string>
#include <string_view>

#include "xml/jid.hpp"

namespace grid::server::stream {

/// xml::StreamParser reads one document: what comes in pieces stands in it as the stanzas of a
/// stream. No default namespace is declared there, so that each piece has to declare its own.
inline constexpr std::string_view document_head =
    "<stream:stream xmlns:stream='http://etherx.jabber.org/streams'>";

/// The bytes by which append_client makes a stanza longer.
std::size_t client_ns_size();
/// A whole stanza of jabber:client, with the declaration of that.
void append_client(std::string& out, std::string_view stanza);
/// `<message xmlns='jabber:client' to='…'`
std::string message_tag(const xml::Jid& to);

}   // namespace grid::server::stream
