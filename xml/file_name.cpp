// xml/file_name.cpp: see xml/file_name.hpp.
#include "xml/file_name.hpp"

#include <algorithm>

#include "xml/utf8.hpp"

namespace grid::xml {

namespace {

constexpr bool is_of_direction(char32_t c) {
    return c == 0x061c || c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) ||
           (c >= 0x2066 && c <= 0x2069);
}

bool may_name_file(const CodePoint& point) {
    return point.bytes != 0 && !is_control(point.value) && !is_of_direction(point.value);
}

}   // namespace

bool is_file_name(std::string_view text) {
    while (!text.empty()) {
        const CodePoint point = first_code_point(text);
        if (!may_name_file(point)) return false;
        text.remove_prefix(point.bytes);
    }
    return true;
}

std::string to_file_name(std::string_view text) {
    std::string name;
    while (!text.empty()) {
        const CodePoint point = first_code_point(text);
        const std::size_t bytes = std::max<std::size_t>(point.bytes, 1);
        const bool is_kept = may_name_file(point) && point.value != '/';
        name += is_kept ? text.substr(0, bytes) : std::string_view("_");
        text.remove_prefix(bytes);
    }
    return name;
}

}   // namespace grid::xml
