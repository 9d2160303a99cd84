// xml/percent.hpp: percent-encoding of URIs (RFC 3986 §2.1).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace grid::xml {

/// Decodes `%41`, and where `plus_is_blank`, as in a query of HTML, `+` too. Nullopt when a `%` is
/// not followed by two hexadecimal digits. Any thread.
std::optional<std::string> percent_decoded(std::string_view text, bool plus_is_blank = false);
/// As one part of a path: all but letters, digits and `-._~` is encoded. Any thread.
std::string percent_encoded(std::string_view text);

}   // namespace grid::xml
