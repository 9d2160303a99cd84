// server/cluster/etcd/endpoint.hpp: an endpoint of etcd, and the ways in which a call of it fails.
#pragma once

#include <boost/system/result.hpp>
#include <chrono>
#include <string>

#include "server/cluster/etcd.hpp"
#include "xml/result.hpp"

namespace grid::server::cluster {

struct EtcdError {
    enum class Kind {
        Unreachable,   // no endpoint answered in time; what was asked may have been done
        Refused,       // etcd said no
    };
    Kind kind = Kind::Unreachable;
    int code = 0;       // of gRPC, when Refused
    std::string text;   // names the endpoint and, where it can, the remedy
    /// An earlier try of the same call had no answer.
    bool follows_silence = false;
    /// Waiting does not mend it: no endpoint that answers takes this member, or is an etcd.
    bool is_lasting = false;

    bool is(int grpc_code) const { return kind == Kind::Refused && code == grpc_code; }
};

namespace grpc {
inline constexpr int not_found = 5, resource_exhausted = 8, failed_precondition = 9,
                     out_of_range = 11, unavailable = 14;
}

template <class T>
using EtcdResult = boost::system::result<T, EtcdError>;

struct EtcdEndpoint {
    std::string url;    // as it was configured, for messages
    std::string host;   // without the brackets of an IPv6 address
    std::string port;
    bool is_tls = false;
};

/// https://HOST:PORT, or http:// with a loopback address. The error is for the operator.
Result<EtcdEndpoint, std::string> parse_etcd_endpoint(const std::string& url);

/// An etcd at its quota.
inline constexpr const char* etcd_full_remedy =
    "etcd is full: on each etcd `etcdctl defrag`, then `etcdctl alarm disarm` (manual: etcd.md)";

using EtcdClock = std::chrono::steady_clock;

}   // namespace grid::server::cluster
