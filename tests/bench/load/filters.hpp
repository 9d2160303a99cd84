// tests/bench/load/filters.hpp: a topic at which the broker filters, and who subscribes to it
// how.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "load/crowd.hpp"

namespace grid::bench {

// In items with --attributes: what the filters ask about.
inline constexpr std::string_view attributes_element =
    "<event location='SJC' host='edge-17' severity='5000' source='10.20.30.40' domain='corp' "
    "user='amy'/>";

// Distinct for each number; they let that element through, or not. Six kinds in turn: comparisons,
// prefixes, lists, networks, `and`, `or`; an index by value helps with half of them.
std::string matching_filter(std::size_t number);
std::string other_filter(std::size_t number);

// Declares at the controller what can be filtered by, then puts options.filters of them at the
// node: each subscriber has one that matches, the others belong to `holders`, few each, who never
// hear anything.
void put_filters(
    const Options& options,
    const std::string& node,
    Crowd& owner,
    Crowd& subscribers,
    Crowd& holders
);

}   // namespace grid::bench
