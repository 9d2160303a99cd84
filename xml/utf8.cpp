// xml/utf8.cpp: decoding of UTF-8.
#include "xml/utf8.hpp"

#include <algorithm>

namespace grid::xml {

CodePoint first_code_point(std::string_view text) {
    auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char lead = at(0);
    if (lead < 0x80) return {lead, 1};
    if (lead < 0xC2 || lead > 0xF4) return {};
    const std::size_t length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    char32_t value = lead & (0x7Fu >> length);
    for (std::size_t i = 1; i < length; ++i) {
        if (i == text.size()) return {0, 0, true};
        const unsigned char next = at(i);
        if ((next & 0xC0) != 0x80) return {};
        // The second byte already tells overlong forms, surrogates and too large values.
        if (i == 1 && ((lead == 0xE0 && next < 0xA0) || (lead == 0xED && next > 0x9F) ||
                       (lead == 0xF0 && next < 0x90) || (lead == 0xF4 && next > 0x8F)))
            return {};
        value = value << 6 | (next & 0x3F);
    }
    return {value, length};
}

bool is_utf8(std::string_view text) {
    while (!text.empty()) {
        std::size_t bytes = first_code_point(text).bytes;
        if (bytes == 0) return false;
        text.remove_prefix(bytes);
    }
    return true;
}

bool is_ascii(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

bool is_nameable(std::string_view text) {
    while (!text.empty()) {
        const CodePoint point = first_code_point(text);
        if (point.bytes == 0 || is_control(point.value)) return false;
        text.remove_prefix(point.bytes);
    }
    return true;
}

std::string valid_utf8(std::string text) {
    if (is_utf8(text)) return text;
    std::string out;
    for (std::string_view rest = text; !rest.empty();) {
        const std::size_t bytes = first_code_point(rest).bytes;
        out += bytes == 0 ? std::string_view("\xef\xbf\xbd") : rest.substr(0, bytes);
        rest.remove_prefix(bytes == 0 ? 1 : bytes);
    }
    return out;
}

}   // namespace grid::xml
