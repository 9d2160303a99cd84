// xml/precis.hpp: preparation of user names, resources (RFC 8264, 8265) and passwords (RFC 4013),
// pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace grid::xml {

/// RFC 8265 §3.3 UsernameCaseMapped, minus what RFC 7622 §3.3.1 excludes; nothing when refused.
std::optional<std::string> username_case_mapped(std::string_view text);
/// RFC 8265 §4.2 OpaqueString; nothing when refused.
std::optional<std::string> opaque_string(std::string_view text);
/// RFC 4013 (SASLprep) of a text that is to be stored; nothing when refused.
std::optional<std::string> saslprep(std::string_view text);

}   // namespace grid::xml
