// server/complain.cpp: see complain.hpp.
#include "server/complain.hpp"

#include <array>
#include <cstdio>
#include <iostream>
#include <sstream>

#include "xml/utf8.hpp"

namespace grid::server {
namespace {

std::string printable(const std::string& line) {
    const std::string valid = xml::valid_utf8(line);
    std::string out;
    for (std::string_view rest = valid; !rest.empty();) {
        const auto point = xml::first_code_point(rest);
        if (xml::is_control(point.value)) {
            std::array<char, 8> escape{};
            std::snprintf(
                escape.data(), escape.size(), "\\u%04x", static_cast<unsigned>(point.value)
            );
            out += escape.data();
        } else {
            out += rest.substr(0, point.bytes);
        }
        rest.remove_prefix(point.bytes);
    }
    return out;
}

}   // namespace

void complain(const std::string& text) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);)
        std::cerr << "gridd: " << printable(line) << '\n';
}

}   // namespace grid::server
