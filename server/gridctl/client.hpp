// server/gridctl/client.hpp: one mutually authenticated HTTPS connection to a running gridd.
#pragma once

#include <boost/json.hpp>
#include <memory>
#include <string>
#include <string_view>

#include "server/gridctl/options.hpp"
#include "server/gridctl/target.hpp"

namespace grid::gridctl {

struct Answer {
    unsigned status = 0;
    std::string body;
};

/// Connects at the first request. The server's certificate is checked against the CA file and the
/// name (RFC 8600 §8.3.1). Failed(Connection) says which side lacks what.
class Client {
public:
    Client(Target target, unsigned timeout_seconds);
    ~Client();
    /// Any path; no status is an error here.
    /// `if_match`: the tag that a change is for; empty: none is sent.
    Answer request(
        std::string_view method,
        const std::string& path,
        const std::string& body = {},
        std::string_view if_match = {}
    );
    /// Below /api/v1; the JSON of a 2xx. Anything else is Failed with the server's text.
    boost::json::object call(
        std::string_view method,
        const std::string& path,
        const boost::json::value& body = nullptr,
        std::string_view if_match = {}
    );
    const Target& target() const { return target_; }

private:
    struct Connection;
    struct Displaced;
    void connect();
    void connect_once();
    Target target_;
    unsigned timeout_seconds_;
    std::unique_ptr<Connection> connection_;
};

/// Percent-encoded as one segment of a path, or one value of a query.
std::string encoded(std::string_view text);

}   // namespace grid::gridctl
