// controller/filters/path.hpp: where in a payload an attribute's values are: a bounded part of
// XPath.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "controller/errors.hpp"
#include "xml/element.hpp"

namespace grid::controller::filters {

/// paths     = path *( "|" path )
/// path      = [ "/" / "//" ] step *( ( "/" / "//" ) step )
/// step      = ( name / "*" ) [ "[@" name "='" text "']" ] / "@" name / "text()"
///
/// `/a/b` begins with the payload's root element, `b` at its children; names match local names in
/// any namespace; `@` and `text()` come last; a path has at most one `//`. No element is ever
/// looked at twice, so that a path costs no more than a walk over the payload.
struct Step {
    bool is_anywhere = false;    // after "//"
    bool is_attribute = false;   // "@name"
    std::string name;            // "*": any element
    std::string with_attribute, with_value;
};
using Path = std::vector<std::vector<Step>>;   // alternatives

inline constexpr std::size_t path_bytes_max = 512, steps_max = 16, alternatives_max = 4;

Outcome<Path> parse_path(std::string_view text);
/// Any element or attribute of that name.
std::string default_path(std::string_view name);

/// The values found; `is_cut` when a bound ended the search.
struct Found {
    std::vector<std::string> texts;   // trimmed
    bool is_cut = false;
};
inline constexpr std::size_t found_max = 64;         // values of one attribute
inline constexpr std::size_t visited_max = 20'000;   // elements, per path

Found find_in(const xml::Element& payload, const Path& path);

}   // namespace grid::controller::filters
