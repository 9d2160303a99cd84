// controller/schemas/pattern_automaton.hpp: a pattern (XML Schema part 2, appendix F) as
// positions and which may follow which.
#pragma once

#include <bitset>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

namespace grid::controller::schemas {

/// The symbols that one position may be: the characters of ASCII, and all others as one.
using Symbols = std::bitset<129>;

struct Automaton {
    std::vector<Symbols> positions;
    /// In how many ways a position may follow another: 2 stands for several.
    std::vector<std::map<std::size_t, int>> follows;
    /// Repeated without bound, or as good as.
    std::set<std::size_t> endless;
    bool is_too_large = false;   // and not complete
};

inline constexpr std::size_t pattern_bytes_max = 4096;
inline constexpr std::size_t pattern_depth_max = 32;
inline constexpr std::size_t pattern_positions_max = 1000;
inline constexpr std::size_t pattern_follows_max = 20'000;

/// Counts up to this, nested ones multiplied, are written out; larger ones are taken as "any number
/// of times".
inline constexpr std::size_t pattern_copies_max = 8;

/// nullopt: the text is no pattern.
std::optional<Automaton> to_automaton(std::string_view pattern);

}   // namespace grid::controller::schemas
