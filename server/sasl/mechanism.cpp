// server/sasl/mechanism.cpp: the common part of all mechanisms.
#include "server/sasl/mechanism.hpp"

#include "xml/base64.hpp"

namespace grid::server::sasl {

Decoded decode(std::string_view text) {
    if (text.empty()) return {};
    if (text == "=") return {.message = std::string()};
    auto message = xml::parse_base64(text);
    if (!message) return {.is_valid = false, .message = {}};
    return {.message = std::move(message)};
}

}   // namespace grid::server::sasl
