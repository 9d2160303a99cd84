// xml/utf8.hpp: one code point at a time out of UTF-8 (RFC 3629).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace grid::xml {

struct CodePoint {
    char32_t value = 0;
    std::size_t bytes = 0;    // 0: what stands there is no UTF-8
    bool truncated = false;   // … but could become some with more bytes
};

/// The code point at the front of a text that is not empty. Overlong forms, surrogates and values
/// beyond U+10FFFF are no UTF-8.
CodePoint first_code_point(std::string_view text);
bool is_utf8(std::string_view text);
bool is_ascii(std::string_view text);
/// Control characters: U+0000–U+001F, U+007F, U+0080–U+009F.
constexpr bool is_control(char32_t c) { return c < 0x20 || (c >= 0x7f && c < 0xa0); }
/// UTF-8 without control characters, as a name must be: it stands in logs, on terminals and in
/// paths.
bool is_nameable(std::string_view text);
/// The text with U+FFFD in place of every byte that is no UTF-8.
std::string valid_utf8(std::string text);

/// XML 1.0 production [2] Char.
constexpr bool is_xml_char(char32_t c) {
    if (c < 0x20) return c == '\t' || c == '\n' || c == '\r';
    return c <= 0xD7FF || (c >= 0xE000 && c <= 0xFFFD) || (c >= 0x10000 && c <= 0x10FFFF);
}

}   // namespace grid::xml
