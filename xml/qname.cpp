// xml/qname.cpp: what is a name, and where a text may hold one.
#include "xml/qname.hpp"

#include "xml/utf8.hpp"

namespace grid::xml {
namespace {

/// Code points that may stand inside a name but not begin one (XML 1.0 [4a] without [4]).
constexpr bool only_inside(char32_t c) {
    return c == '-' || c == '.' || (c >= '0' && c <= '9') || c == 0xB7 ||
           (c >= 0x300 && c <= 0x36F) || c == 0x203F || c == 0x2040;
}

constexpr bool is_name_byte(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.' || static_cast<unsigned char>(c) >= 0x80;
}

}   // namespace

bool is_ncname(std::string_view name) {
    if (name.empty() || name.find(':') != std::string_view::npos) return false;
    return !only_inside(first_code_point(name).value);
}

bool mentions_prefix(std::string_view value, std::string_view prefix) {
    if (prefix.empty() || value.size() < prefix.size() + 2) return false;
    // A colon is rarer than the letters of a prefix.
    for (std::size_t colon = value.find(':'); colon != std::string_view::npos;
         colon = value.find(':', colon + 1)) {
        if (!value.substr(0, colon).ends_with(prefix)) continue;
        const std::size_t start = colon - prefix.size();
        if (start > 0 && is_name_byte(value[start - 1])) continue;
        if (colon + 1 < value.size() && is_name_byte(value[colon + 1])) return true;
    }
    return false;
}

}   // namespace grid::xml
