// xml/contains.cpp: see contains.hpp.
#include "xml/contains.hpp"

#include <algorithm>

namespace grid::xml {

namespace {

constexpr char lower_of(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}   // namespace

bool contains_any_case(std::string_view text, std::string_view part) {
    const auto is_same = [](char a, char b) { return lower_of(a) == lower_of(b); };
    return part.empty() || !std::ranges::search(text, part, is_same).empty();
}

}   // namespace grid::xml
