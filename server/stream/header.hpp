// server/stream/header.hpp: stream headers, in and out (RFC 6120 §4.7).
#pragma once

#include <optional>
#include <string>

#include "xml/jid.hpp"
#include "xml/parser.hpp"
#include "xml/stream_error.hpp"

namespace grid::server::stream {

/// The language of everything that we say to people.
inline constexpr const char* our_lang = "en";
inline constexpr const char* closing_tag = "</stream:stream>";

/// The values of a client's stream header.
struct ClientHeader {
    xml::Jid from;                           // empty when absent or malformed
    std::string lang;                        // empty when absent or no language tag
    std::optional<xml::StreamError> error;   // why the stream ends here
};
ClientHeader read_header(const xml::StreamOpen& open, const std::string& domain);

/// The response header; `to` may be empty. (§4.7.2)
std::string response_header(
    const std::string& domain, const std::string& stream_id, const xml::Jid& to
);

/// `<stream:error>` after a header if none was sent yet, and the closing tag. (§4.9.1) `stream_id`
/// is for that header.
std::string closing_bytes(
    const xml::StreamError& error,
    bool header_sent,
    const std::string& domain,
    const std::string& stream_id = "0"
);

}   // namespace grid::server::stream
