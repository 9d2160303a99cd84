// server/bosh/body.hpp: the `<body/>` around what a request or an answer carries (XEP-0124). No
// I/O.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "xml/element.hpp"
#include "xml/result.hpp"

namespace grid::server::bosh {

struct Body {
    Body() = default;
    Body(xml::Element outer, std::string inner)
        : head(std::move(outer)), content(std::move(inner)) {}

    xml::Element head;     // `<body/>` with its attributes
    std::string content;   // between its tags; not parsed, and without control characters
};

/// The error says what is wrong, for a person.
Result<Body, std::string> read_body(std::string_view text);

/// A number in an attribute (§7); nullopt: absent, or none up to 2^53 - 1.
std::optional<std::uint64_t> number_of(const xml::Element& head, std::string_view name);
/// An attribute of XEP-0206's namespace, whatever its prefix; nullopt: absent.
std::optional<std::string_view> xbosh_attr(const xml::Element& head, std::string_view name);
/// Of XML Schema's type boolean; an absent one is false.
bool is_true(std::optional<std::string_view> value);

/// The start tag of a stream that declares what `head` declares for its content; empty: nothing.
std::string scope_of(const xml::Element& head);

/// `attributes` may be empty.
std::string write_body(const xml::Attrs& attributes, std::string_view content);
/// The end of a session, or of an attempt to have one (§17.2); an empty condition: an orderly one.
std::string write_end(std::string_view condition, std::string_view content = {});

}   // namespace grid::server::bosh
