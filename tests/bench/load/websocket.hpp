// tests/bench/load/websocket.hpp: as much of WebSocket (RFC 6455) and XMPP over it (RFC 7395) as
// the workloads need.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace grid::bench::websocket {

enum class Kind : std::uint8_t { Text, Close, Ping, Pong };

// One frame of the server. The text lives as long as the input.
struct Frame {
    bool is_complete = false;
    Kind kind{};
    std::string_view text;
    std::size_t consumed = 0;
};
// Throws std::runtime_error when the input is no frame of a server that sends whole messages.
Frame next_frame(std::string_view input);

// The request that begins one, and its answer: bytes up to its end, 0 when that is not there yet.
// Throws std::runtime_error when it is a refusal.
std::string upgrade_request(const std::string& host);
std::size_t upgraded(std::string_view input);

// One element as a message of a client, masked. A stanza gets the declaration of jabber:client that
// a stream's header would have had (RFC 7395 §3.3.3).
void append_element(std::string& out, std::string_view element);
void append_pong(std::string& out, std::string_view payload);

std::string open_element(const std::string& domain);
inline constexpr std::string_view close_element =
    "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>";

}   // namespace grid::bench::websocket
