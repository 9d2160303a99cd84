// controller/roles/role.hpp: the roles of administration, and the groups that give them.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>

namespace grid::controller {

/// Each has what the one before it has, and more.
enum class Role : std::uint8_t {
    Anybody,         // also an account that waits, or none
    Member,          // an ENABLED account
    Auditor,         // reads all that administration shows, the audit too; changes nothing
    Operator,        // lets accounts in and shuts them out, and ends sessions
    Administrator,   // everything
};
inline constexpr std::size_t roles_count = static_cast<std::size_t>(Role::Administrator) + 1;

constexpr std::string_view to_string(Role role) {
    constexpr std::array<std::string_view, roles_count> names{
        "anybody", "member", "auditor", "operator", "administrator"
    };
    return names.at(static_cast<std::size_t>(role));
}

inline constexpr std::string_view administrators_group = "administrators";
inline constexpr std::string_view operators_group = "operators";
inline constexpr std::string_view auditors_group = "auditors";

/// From the highest role down.
inline constexpr std::array<std::pair<std::string_view, Role>, 3> role_groups{{
    {administrators_group, Role::Administrator},
    {operators_group, Role::Operator},
    {auditors_group, Role::Auditor},
}};

/// Whether members of the group have a role of administration.
constexpr bool gives_role(std::string_view group) {
    for (const auto& [name, role] : role_groups)
        if (name == group) return true;
    return false;
}

/// The highest role that one of these groups gives; Member where none does.
template <class Names>
constexpr Role role_of_groups(const Names& groups) {
    for (const auto& [name, role] : role_groups)
        for (const auto& group : groups)
            if (std::string_view(group) == name) return role;
    return Role::Member;
}

}   // namespace grid::controller
