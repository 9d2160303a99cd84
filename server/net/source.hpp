// server/net/source.hpp: where a connection comes from, as limits count it.
#pragma once

#include <string>
#include <string_view>

namespace grid::server::net {

/// The network that an address with port ("192.0.2.1:5222", "[2001:db8::1]:5222") belongs to: an
/// IPv4 address is counted whole, an IPv6 one by its /64 (RFC 4291 §2.5.1: the last 64 bits are the
/// host's to choose, as many as it likes). An IPv4-mapped address is the IPv4 address.
std::string source_of(std::string_view peer);

}   // namespace grid::server::net
