// server/net/websocket_frame.cpp: see websocket_frame.hpp.
#include "server/net/websocket_frame.hpp"

#include <openssl/evp.h>

#include "xml/base64.hpp"
#include "xml/utf8.hpp"

namespace grid::server::net::websocket {
namespace {

constexpr unsigned char final_bit = 0x80, reserved_bits = 0x70, opcode_bits = 0x0f;
constexpr unsigned char mask_bit = 0x80, size_bits = 0x7f;
constexpr unsigned char size_16 = 126, size_64 = 127;

std::uint64_t number(std::string_view bytes) {
    std::uint64_t value = 0;
    for (const char c : bytes) value = value << 8 | static_cast<unsigned char>(c);
    return value;
}

void append_number(std::string& out, std::uint64_t value, unsigned bytes) {
    while (bytes-- > 0) out += static_cast<char>(value >> (8 * bytes) & 0xff);
}

bool is_known(unsigned char opcode) { return opcode <= 2 || (opcode >= 8 && opcode <= 10); }

FrameHead fault(const char* text) {
    FrameHead head;
    head.fault = text;
    return head;
}

}   // namespace

std::optional<FrameHead> read_head(std::string_view bytes) {
    if (bytes.size() < 2) return std::nullopt;
    const auto first = static_cast<unsigned char>(bytes[0]);
    const auto second = static_cast<unsigned char>(bytes[1]);
    FrameHead head;
    head.is_final = (first & final_bit) != 0;
    if ((first & reserved_bits) != 0)
        return fault("a reserved bit is set: no extension was agreed on");
    if (!is_known(first & opcode_bits)) return fault("a frame of an unknown kind");
    if ((second & mask_bit) == 0) return fault("the frames of a client must be masked");
    head.opcode = static_cast<Opcode>(first & opcode_bits);
    const unsigned char short_size = second & size_bits;
    if (head.is_control() && (!head.is_final || short_size > control_bytes_max))
        return fault("a control frame has 125 bytes at most, and is not fragmented");
    const std::size_t size_bytes = short_size == size_16 ? 2 : short_size == size_64 ? 8 : 0;
    head.bytes = 2 + size_bytes + head.mask.size();
    if (bytes.size() < head.bytes) return std::nullopt;
    head.size = size_bytes == 0 ? short_size : number(bytes.substr(2, size_bytes));
    const std::uint64_t least = size_bytes == 8 ? 0x10000 : size_bytes == 2 ? size_16 : 0;
    if (head.size < least || head.size >> 63 != 0)
        return fault("the size of a frame is written in the fewest bytes");
    for (std::size_t i = 0; i < head.mask.size(); ++i)
        head.mask[i] = static_cast<unsigned char>(bytes[2 + size_bytes + i]);
    return head;
}

void unmask(
    char* bytes, std::size_t size, const std::array<unsigned char, 4>& mask, std::size_t at
) {
    // Turned so that its first byte is the one for bytes[0]; then a loop that becomes wide.
    std::array<unsigned char, 4> turned{};
    for (std::size_t i = 0; i < 4; ++i) turned[i] = mask[(at + i) % 4];
    for (std::size_t i = 0; i < size; ++i)
        bytes[i] = static_cast<char>(static_cast<unsigned char>(bytes[i]) ^ turned[i % 4]);
}

void append_head(std::string& out, Opcode opcode, std::size_t size) {
    out += static_cast<char>(final_bit | static_cast<unsigned char>(opcode));
    if (size < size_16) {
        out += static_cast<char>(size);
    } else if (size <= 0xffff) {
        out += static_cast<char>(size_16);
        append_number(out, size, 2);
    } else {
        out += static_cast<char>(size_64);
        append_number(out, size, 8);
    }
}

void append_frame(std::string& out, Opcode opcode, std::string_view payload) {
    append_head(out, opcode, payload.size());
    out += payload;
}

bool is_close_payload(std::string_view payload) {
    if (payload.empty()) return true;
    if (payload.size() < 2) return false;
    const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(payload[at]); };
    const unsigned code = byte(0) * 256U + byte(1);
    // Codes of RFC 6455 and of the registry (1012 to 1014), of libraries, of applications.
    const bool is_defined =
        (code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006) ||
        (code >= 3000 && code <= 4999);
    return is_defined && xml::is_utf8(payload.substr(2));
}

void append_close(std::string& out, CloseCode code) {
    append_head(out, Opcode::Close, 2);
    append_number(out, static_cast<std::uint16_t>(code), 2);
}

std::string accept_key(std::string_view key) {
    const std::string text = std::string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr);
    return xml::to_base64({reinterpret_cast<const char*>(digest.data()), size});
}

}   // namespace grid::server::net::websocket
