// server/stream/peer_error.hpp: the error with which a client ends its stream (RFC 6120 §4.9).
#pragma once

#include <optional>
#include <string>

#include "xml/element.hpp"

namespace grid::server::stream {

/// For the log, where the element is a stream error: its condition and text. Such an error is
/// not answered by another one; the stream ends.
std::optional<std::string> error_of_peer(const xml::Element& element);

}   // namespace grid::server::stream
