// server/stream/header.hpp: the stream header of a client (RFC 6120 §4.7).
#pragma once

#include <optional>
#include <string>

#include "server/session/transport.hpp"
#include "xml/jid.hpp"
#include "xml/parser.hpp"
#include "xml/stream_error.hpp"

namespace grid::server::stream {

/// The language of everything that we say to people.
inline constexpr const char* our_lang = "en";

/// The values of a client's stream header, or of its `<open/>` (RFC 7395 §3.4).
struct ClientHeader {
    xml::Jid from;                           // empty when absent or malformed
    std::string lang;                        // empty when absent or no language tag
    std::optional<xml::StreamError> error;   // why the stream ends here
};
ClientHeader read_header(
    const xml::StreamOpen& open, const std::string& domain, TransportKind transport
);

}   // namespace grid::server::stream
