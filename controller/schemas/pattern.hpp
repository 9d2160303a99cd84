// controller/schemas/pattern.hpp: which patterns (xs:pattern) may take exponential time to match.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace grid::controller::schemas {

/// libxml2 matches by going back and trying again. Where one text can run through a repeated part
/// in several ways, a short text that does not match takes years. Says what is wrong with such a
/// pattern, and with one that is too large to tell; nothing for all others. What is no pattern at
/// all is left to libxml2 to refuse.
std::optional<std::string> refuse_pattern(std::string_view pattern);

}   // namespace grid::controller::schemas
