// xml/domain.hpp: preparation of the domain part of an address (RFC 7622 §3.2).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace grid::xml {

/// Lower-case, U-labels, no trailing dot; nothing when it is neither a host name (RFC 5890) nor an
/// IP address (`[…]` around version 6). `lenient` lets underscores pass.
std::optional<std::string> prepare_domain(std::string_view text, bool lenient);

/// The form for DNS, certificates and URLs (A-labels) of a name that `prepare_domain` gave.
std::string domain_to_ascii(std::string_view prepared);

}   // namespace grid::xml
