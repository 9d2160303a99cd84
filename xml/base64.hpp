// xml/base64.hpp: base64 as SASL and XMPP need it (RFC 4648 §4, strict).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace grid::xml {

std::string to_base64(std::string_view bytes);
/// nullopt for a wrong length, a foreign character, white space or non-zero trailing bits.
std::optional<std::string> parse_base64(std::string_view text);

}   // namespace grid::xml
