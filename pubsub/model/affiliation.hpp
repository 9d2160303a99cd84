// pubsub/model/affiliation.hpp: affiliations of accounts with nodes, and their rights (XEP-0060
// §4.1).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace grid::pubsub {

/// Stored in records: DO NOT CHANGE the values.
enum class Affiliation : std::uint8_t {
    None = 0,
    Outcast = 1,
    Member = 2,
    PublishOnly = 3,
    Publisher = 4,
    Owner = 5,
};

std::string_view to_string(Affiliation affiliation);
std::optional<Affiliation> parse_affiliation(std::string_view text);

/// May publish where only publishers may.
bool is_publishing(Affiliation affiliation);
/// Is on the whitelist, and needs no approval: member and up.
bool is_listed(Affiliation affiliation);
/// May never subscribe or retrieve: outcast, publish-only.
bool is_shut_out(Affiliation affiliation);

}   // namespace grid::pubsub
