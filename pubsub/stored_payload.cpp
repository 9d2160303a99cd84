// pubsub/stored_payload.cpp: see stored_payload.hpp.
#include "pubsub/stored_payload.hpp"

#include <algorithm>
#include <utility>
#include <variant>

#include "xml/parser.hpp"

namespace grid::pubsub {

std::optional<xml::Element> parse_payload(const std::string& text) {
    xml::Limits limits;   // its own were checked when it was published
    limits.stanza_bytes_max = std::max(limits.stanza_bytes_max, text.size() + 1);
    auto parsed = xml::parse_document(text, limits);
    if (auto* element = std::get_if<xml::Element>(&parsed)) return std::move(*element);
    return std::nullopt;
}

}   // namespace grid::pubsub
