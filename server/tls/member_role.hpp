// server/tls/member_role.hpp: the role of a cluster's member in a certificate: a URI in its
// subjectAltName.
#pragma once

#include <algorithm>
#include <string_view>

namespace grid::server::tls {

/// Followed by the member's name. A certificate with it is for links between members, and for
/// nothing else.
inline constexpr std::string_view member_urn = "urn:gridd:member:";
inline constexpr std::size_t member_name_bytes_max = 64;

/// ASCII letters, digits, and "-", "_", "." behind the first character.
inline bool is_member_name(std::string_view name) {
    const auto is_alphanumeric = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    };
    return !name.empty() && name.size() <= member_name_bytes_max && is_alphanumeric(name.front()) &&
           std::ranges::all_of(name, [&](char c) {
               return is_alphanumeric(c) || c == '-' || c == '_' || c == '.';
           });
}

}   // namespace grid::server::tls
