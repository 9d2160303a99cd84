// xml/qname.cpp: the characters of names.
#include "xml/qname.hpp"

#include "xml/utf8.hpp"

namespace grid::xml {
namespace {

/// Code points that may stand inside a name but not begin one (XML 1.0 [4a] without [4]).
constexpr bool only_inside(char32_t c) {
    return c == '-' || c == '.' || (c >= '0' && c <= '9') || c == 0xB7 ||
           (c >= 0x300 && c <= 0x36F) || c == 0x203F || c == 0x2040;
}

}   // namespace

bool is_ncname(std::string_view name) {
    if (name.empty() || name.find(':') != std::string_view::npos) return false;
    return !only_inside(first_code_point(name).value);
}

}   // namespace grid::xml
