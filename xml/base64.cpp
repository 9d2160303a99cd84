// xml/base64.cpp: base64 to and from bytes.
#include "xml/base64.hpp"

#include <array>
#include <cstdint>

namespace grid::xml {
namespace {

constexpr std::string_view alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint32_t foreign = 0xFF;

constexpr std::array<std::uint8_t, 256> values = [] {
    std::array<std::uint8_t, 256> made{};
    made.fill(foreign);
    for (std::size_t i = 0; i < alphabet.size(); ++i)
        made[static_cast<unsigned char>(alphabet[i])] = static_cast<std::uint8_t>(i);
    return made;
}();

std::uint32_t value_of(char c) { return values[static_cast<unsigned char>(c)]; }
char digit(std::uint32_t bits) { return alphabet[bits & 63]; }
char byte(std::uint32_t bits) { return static_cast<char>(static_cast<unsigned char>(bits)); }

}   // namespace

std::string to_base64(std::string_view bytes) {
    std::string out;
    out.reserve((bytes.size() + 2) / 3 * 4);
    auto at = [&](std::size_t i) -> std::uint32_t {
        return i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0;
    };
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        std::uint32_t group = at(i) << 16 | at(i + 1) << 8 | at(i + 2);
        out += digit(group >> 18);
        out += digit(group >> 12);
        out += i + 1 < bytes.size() ? digit(group >> 6) : '=';
        out += i + 2 < bytes.size() ? digit(group) : '=';
    }
    return out;
}

std::optional<std::string> parse_base64(std::string_view text) {
    if (text.size() % 4 != 0) return std::nullopt;
    std::size_t padding = 0;
    if (text.ends_with("=="))
        padding = 2;
    else if (text.ends_with('='))
        padding = 1;
    text.remove_suffix(padding);

    std::string out;
    out.reserve(text.size() / 4 * 3 + 2);
    std::uint32_t group = 0, count = 0;
    for (char c : text) {
        std::uint32_t value = value_of(c);
        if (value == foreign) return std::nullopt;
        group = group << 6 | value;
        if (++count < 4) continue;
        out += byte(group >> 16);
        out += byte(group >> 8);
        out += byte(group);
        group = count = 0;
    }
    // Bits that no byte takes must be zero, or two texts would mean the same bytes (§3.5).
    if (padding == 1) {
        if (group & 3) return std::nullopt;
        out += byte(group >> 10);
        out += byte(group >> 2);
    } else if (padding == 2) {
        if (group & 15) return std::nullopt;
        out += byte(group >> 4);
    }
    return out;
}

}   // namespace grid::xml
