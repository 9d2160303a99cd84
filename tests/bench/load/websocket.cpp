// tests/bench/load/websocket.cpp: frames out of bytes and into them.
#include "load/websocket.hpp"

#include <array>
#include <stdexcept>

namespace grid::bench::websocket {

namespace {

constexpr std::string_view client_ns = " xmlns='jabber:client'";
constexpr std::size_t mask_bytes = 4;

unsigned byte(std::string_view input, std::size_t at) {
    return static_cast<unsigned char>(input[at]);
}

// Big endian.
std::uint64_t number(std::string_view bytes) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) value = value << 8 | byte(bytes, i);
    return value;
}

Kind kind_of(unsigned opcode) {
    switch (opcode) {
        case 1:
            return Kind::Text;
        case 8:
            return Kind::Close;
        case 9:
            return Kind::Ping;
        case 10:
            return Kind::Pong;
        default:
            throw std::runtime_error("a frame of kind " + std::to_string(opcode));
    }
}

void append_number(std::string& out, std::uint64_t value, std::size_t bytes) {
    while (bytes-- > 0) out += static_cast<char>(value >> (8 * bytes) & 0xff);
}

// Not what RFC 6455 §5.3 asks of browsers: no page chooses the text here, so any mask will do.
std::array<char, mask_bytes> fresh_mask() {
    static thread_local std::uint32_t state = 0x9e3779b9;
    state = state * 1664525 + 1013904223;
    std::array<char, mask_bytes> mask{};
    for (std::size_t i = 0; i < mask_bytes; ++i) mask[i] = static_cast<char>(state >> (8 * i));
    return mask;
}

void append_head(std::string& out, unsigned opcode, std::size_t size) {
    out += static_cast<char>(0x80 | opcode);
    if (size < 126) {
        out += static_cast<char>(0x80 | size);
    } else {
        const bool is_short = size < 65536;
        out += static_cast<char>(0x80 | (is_short ? 126 : 127));
        append_number(out, size, is_short ? 2 : 8);
    }
}

// Masks what stands behind the mask itself.
void append_masked(
    std::string& out, std::string_view one, std::string_view two = {}, std::string_view three = {}
) {
    const auto mask = fresh_mask();
    out.append(mask.data(), mask_bytes);
    const std::size_t begin = out.size();
    out.append(one).append(two).append(three);
    for (std::size_t at = begin; at < out.size(); ++at)
        out[at] = static_cast<char>(out[at] ^ mask[(at - begin) % mask_bytes]);
}

bool is_stanza(std::string_view name) {
    return name == "<iq" || name == "<message" || name == "<presence";
}

}   // namespace

Frame next_frame(std::string_view input) {
    if (input.size() < 2) return {};
    if ((byte(input, 0) & 0xf0) != 0x80 || (byte(input, 1) & 0x80) != 0)
        throw std::runtime_error("a frame that is no whole message of a server");
    std::size_t size = byte(input, 1), head = 2;
    if (size > 125) {
        const std::size_t bytes = size == 126 ? 2 : 8;
        head += bytes;
        if (input.size() < head) return {};
        size = number(input.substr(2, bytes));
    }
    if (input.size() - head < size) return {};
    return {true, kind_of(byte(input, 0) & 0x0f), input.substr(head, size), head + size};
}

std::string upgrade_request(const std::string& host) {
    return "GET /xmpp-websocket HTTP/1.1\r\nHost: " + host +
           "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
           "Sec-WebSocket-Key: Z3JpZGxvYWQgZ3JpZGxvYQ==\r\nSec-WebSocket-Protocol: xmpp\r\n\r\n";
}

std::size_t upgraded(std::string_view input) {
    const auto end = input.find("\r\n\r\n");
    if (end == std::string_view::npos) return 0;
    if (!input.starts_with("HTTP/1.1 101 "))
        throw std::runtime_error("no WebSocket: " + std::string(input));
    return end + 4;
}

void append_element(std::string& out, std::string_view element) {
    const auto name = element.substr(0, element.find_first_of(" />"));
    const bool is_declared = !is_stanza(name);
    append_head(out, 1, element.size() + (is_declared ? 0 : client_ns.size()));
    if (is_declared)
        append_masked(out, element);
    else
        append_masked(out, name, client_ns, element.substr(name.size()));
}

void append_pong(std::string& out, std::string_view payload) {
    append_head(out, 10, payload.size());
    append_masked(out, payload);
}

std::string open_element(const std::string& domain) {
    return "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' version='1.0' to='" + domain + "'/>";
}

}   // namespace grid::bench::websocket
