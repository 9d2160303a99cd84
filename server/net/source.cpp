// server/net/source.cpp: see source.hpp.
#include "server/net/source.hpp"

#include <algorithm>
#include <boost/asio/ip/address.hpp>

namespace grid::server::net {

std::string source_of(std::string_view peer) {
    namespace ip = boost::asio::ip;
    std::string_view host = peer.substr(0, peer.rfind(':'));
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    boost::system::error_code error;
    const auto address = ip::make_address(std::string(host), error);
    if (error) return std::string(host);
    if (address.is_v4()) return address.to_string();
    const auto whole = address.to_v6();
    if (whole.is_v4_mapped()) return ip::make_address_v4(ip::v4_mapped, whole).to_string();
    auto bytes = whole.to_bytes();
    std::fill(bytes.begin() + 8, bytes.end(), static_cast<unsigned char>(0));
    // The scope stays: fe80::/64 is another network on each interface.
    return ip::address_v6(bytes, whole.scope_id()).to_string() + "/64";
}

}   // namespace grid::server::net
