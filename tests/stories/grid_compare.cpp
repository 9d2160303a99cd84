// tests/stories/grid_compare.cpp: reading stanzas and telling how two differ.
#include <algorithm>
#include <catch2/catch.hpp>

#include "grid_stage.hpp"
#include "xml/namespaces.hpp"
#include "xml/parser.hpp"
#include "xml/writer.hpp"

namespace grid::test {

xml::Element parse(std::string_view text) {
    auto parsed = xml::parse_document(text, xml::Limits{});
    if (const auto* broken = std::get_if<xml::StreamBroken>(&parsed))
        FAIL("not well-formed: " << broken->text << "\n" << text);
    return std::get<xml::Element>(std::move(parsed));
}

namespace {

std::string content(const xml::Element& element) {
    std::string text = element.text();
    const auto is_blank = [](char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; };
    while (!text.empty() && is_blank(text.back())) text.pop_back();
    text.erase(
        0, static_cast<std::size_t>(std::ranges::find_if_not(text, is_blank) - text.begin())
    );
    return text;
}

std::vector<const xml::Element*> compared_children(const xml::Element& element) {
    std::vector<const xml::Element*> children = element.children();
    std::erase_if(children, [](const xml::Element* child) {
        return child->is("text", xml::ns::stanza_errors);
    });
    return children;
}

std::string compare(const xml::Element& actual, const xml::Element& expected) {
    const std::string at = "<" + expected.name() + "> ";
    if (actual.name() != expected.name()) return at + "is <" + actual.name() + ">";
    if (actual.ns() != expected.ns())
        return at + "is in '" + std::string(actual.ns().uri()) + "', not '" +
               std::string(expected.ns().uri()) + "'";
    for (const xml::Attr& attr : expected.attrs()) {
        const std::string* value = actual.attr(attr.name);
        if (value == nullptr) return at + "has no " + attr.name;
        if (*value != attr.value) return at + attr.name + "='" + *value + "'";
    }
    if (content(actual) != content(expected)) return at + "says '" + content(actual) + "'";
    const auto has = compared_children(actual), wants = compared_children(expected);
    if (has.size() != wants.size()) return at + "has " + std::to_string(has.size()) + " children";
    for (std::size_t i = 0; i < has.size(); ++i)
        if (std::string found = compare(*has[i], *wants[i]); !found.empty()) return at + found;
    return {};
}

}   // namespace

std::string difference(const xml::Element& actual, std::string_view expected) {
    // Through the wire: what is compared is what a client would parse.
    const xml::Element seen = parse(xml::to_string(actual));
    const std::string found = compare(seen, parse(expected));
    return found.empty() ? found : found + "\nin " + xml::to_string(actual);
}

}   // namespace grid::test
