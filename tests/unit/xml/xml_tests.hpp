// tests/unit/xml/xml_tests.hpp: the common parts of the parser's tests.
#pragma once

#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "xml/parser.hpp"
#include "xml/writer.hpp"

namespace grid::test {

inline const std::string header =
    "<?xml version='1.0'?><stream:stream xmlns='jabber:client' "
    "xmlns:stream='http://etherx.jabber.org/streams' to='grid.example' version='1.0'>";

/// Every event as one line of text, so that a test can show what it expects.
inline std::string describe(const xml::StreamEvent& event) {
    struct {
        std::string operator()(const xml::StreamOpen& open) const {
            return "open " + open.content_ns + " " + std::string(open.header.attr_or("to", "-"));
        }
        std::string operator()(const xml::Element& stanza) const {
            return xml::to_string(stanza, "jabber:client");
        }
        std::string operator()(const xml::StreamClose&) const { return "close"; }
        std::string operator()(const xml::StreamBroken& broken) const {
            return "broken " + std::to_string(static_cast<int>(broken.error));
        }
    } describer;
    return std::visit(describer, event);
}

inline std::vector<std::string> drain(xml::StreamParser& parser) {
    std::vector<std::string> lines;
    while (auto event = parser.next()) lines.push_back(describe(*event));
    return lines;
}

/// A parser that has seen a stream header already.
inline xml::StreamParser opened(const xml::Limits& limits = {}) {
    xml::StreamParser parser(limits);
    parser.feed(header);
    drain(parser);
    return parser;
}

/// The error that ends the stream; nothing when it does not end.
inline std::optional<xml::StreamBroken> broken_by(
    xml::StreamParser& parser, std::string_view bytes
) {
    const bool going = parser.feed(bytes);
    std::optional<xml::StreamBroken> found;
    while (auto event = parser.next())
        if (auto* broken = std::get_if<xml::StreamBroken>(&*event)) found = *broken;
    if (going == found.has_value()) throw std::logic_error("feed() and next() disagree");
    return found;
}

inline xml::Element element_of(std::string_view text) {
    auto parsed = xml::parse_document(text, {});
    if (auto* broken = std::get_if<xml::StreamBroken>(&parsed))
        throw std::runtime_error(broken->text);
    return std::get<xml::Element>(std::move(parsed));
}

}   // namespace grid::test
