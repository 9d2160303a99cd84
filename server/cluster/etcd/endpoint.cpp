// server/cluster/etcd/endpoint.cpp: see endpoint.hpp.
#include "server/cluster/etcd/endpoint.hpp"

#include <boost/asio/ip/address.hpp>
#include <string_view>
#include <utility>

namespace grid::server::cluster {
namespace {

bool is_loopback(const std::string& host) {
    if (host == "localhost") return true;
    boost::system::error_code error;
    const auto address = boost::asio::ip::make_address(host, error);
    return !error && address.is_loopback();
}

}   // namespace

Result<EtcdEndpoint, std::string> parse_etcd_endpoint(const std::string& url) {
    // An endpoint could be made of a string alone, too.
    const auto refused = [](std::string why) {
        return Result<EtcdEndpoint, std::string>(boost::system::in_place_error, std::move(why));
    };
    EtcdEndpoint endpoint;
    endpoint.url = url;
    std::string_view rest = url;
    if (rest.starts_with("https://")) {
        endpoint.is_tls = true;
        rest.remove_prefix(8);
    } else if (rest.starts_with("http://")) {
        rest.remove_prefix(7);
    } else {
        return refused("'" + url + "' is not like https://HOST:PORT");
    }
    const std::size_t colon = rest.rfind(':');
    if (colon == rest.npos || colon == 0 || colon + 1 == rest.size())
        return refused("'" + url + "' is not like https://HOST:PORT");
    endpoint.host = rest.substr(0, colon);
    endpoint.port = rest.substr(colon + 1);
    if (endpoint.port.find_first_not_of("0123456789") != std::string::npos ||
        endpoint.port.size() > 5)
        return refused("'" + url + "' ends with no port: nothing stands behind it");
    if (endpoint.host.starts_with('[') && endpoint.host.ends_with(']'))
        endpoint.host = endpoint.host.substr(1, endpoint.host.size() - 2);
    if (!endpoint.is_tls && !is_loopback(endpoint.host))
        return refused("'" + url + "': http:// is for loopback addresses alone; use https://");
    return endpoint;
}

std::string endpoint_fault(const std::string& url) {
    const auto endpoint = parse_etcd_endpoint(url);
    return endpoint ? std::string() : endpoint.error();
}

}   // namespace grid::server::cluster
