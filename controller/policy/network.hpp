// controller/policy/network.hpp: an address, and a network in CIDR notation that it may be in.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace grid::controller::policy {

/// IPv4 or IPv6; one that is mapped (::ffff:192.0.2.1) is the IPv4 address that it stands for.
struct Address {
    bool is_v6 = false;
    std::array<std::uint64_t, 2> bits{};   // IPv4: the low half of the second
    bool operator==(const Address&) const = default;
};
/// As sessions show it: a port and a zone ("%eth0") do not count. nullopt when it is no address.
std::optional<Address> parse_address(std::string_view text);

struct Network {
    Address address;
    std::array<std::uint64_t, 2> mask{};

    bool contains(const Address& other) const {
        return other.is_v6 == address.is_v6 && ((other.bits[0] ^ address.bits[0]) & mask[0]) == 0 &&
               ((other.bits[1] ^ address.bits[1]) & mask[1]) == 0;
    }
};
/// "10.0.0.0/8", "2001:db8::/32", or one address. `error` names the mistake.
std::optional<Network> parse_network(std::string_view text, std::string& error);

}   // namespace grid::controller::policy
