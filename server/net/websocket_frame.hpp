// server/net/websocket_frame.hpp: the frames of a WebSocket as bytes (RFC 6455 §5). No I/O.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace grid::server::net::websocket {

enum class Opcode : std::uint8_t {
    Continuation = 0,
    Text = 1,
    Binary = 2,
    Close = 8,
    Ping = 9,
    Pong = 10,
};

/// The reason of a Close frame (§7.4.1).
enum class CloseCode : std::uint16_t {
    Normal = 1000,
    ProtocolError = 1002,
    UnsupportedData = 1003,
    InvalidData = 1007,
    TooBig = 1009,
};

/// Whether the payload of a client's Close frame is one (§5.5.1, §7.4): nothing, or a code that may
/// stand on the wire and a reason in UTF-8. 1005, 1006 and 1015 are said by nobody.
bool is_close_payload(std::string_view payload);

/// A client's frame without its payload.
struct FrameHead {
    Opcode opcode = Opcode::Text;
    bool is_final = true;
    std::uint64_t size = 0;   // of the payload
    std::array<unsigned char, 4> mask{};
    std::size_t bytes = 0;    // of this head
    std::string fault = {};   // what is against §5; the rest is not known then

    bool is_control() const { return opcode >= Opcode::Close; }
};

/// The longest head of a client's frame.
inline constexpr std::size_t head_bytes_max = 14;
inline constexpr std::size_t control_bytes_max = 125;

/// The head at the beginning of `bytes`; nullopt: more are needed.
std::optional<FrameHead> read_head(std::string_view bytes);
/// `at`: how much of the payload came before these bytes.
void unmask(
    char* bytes, std::size_t size, const std::array<unsigned char, 4>& mask, std::size_t at
);

/// The head of a whole message of ours.
void append_head(std::string& out, Opcode opcode, std::size_t size);
void append_frame(std::string& out, Opcode opcode, std::string_view payload);
void append_close(std::string& out, CloseCode code);

/// The answer to a client's Sec-WebSocket-Key (§4.2.2).
std::string accept_key(std::string_view key);

}   // namespace grid::server::net::websocket
