// controller/schemas/pattern.hpp: which patterns (xs:pattern) may take exponential time to match.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace grid::controller::schemas {

/// libxml2 matches by going back and trying again. Where one text can run through a repeated part
/// in several ways, a short text that does not match takes years. The reason against such a
/// pattern, and against one that is too large to tell; nullopt for all others. A text that is no
/// pattern at all is left to libxml2 to refuse.
std::optional<std::string> refuse_pattern(std::string_view pattern);

/// With which power of a text's length the time may grow, of a pattern that is not refused: 1, or
/// more where parts that are repeated without bound may share a text between them, as in `.*x.*y`.
unsigned pattern_degree(std::string_view pattern);
inline constexpr unsigned pattern_degree_max = 3;

}   // namespace grid::controller::schemas
