// server/net/listener.hpp: accepts TCP connections, each on a strand of its own.
#pragma once

#include <boost/asio.hpp>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "server/net/tls_stream.hpp"
#include "xml/result.hpp"

namespace grid::server::net {

using Endpoint = asio::ip::tcp::endpoint;

/// "0.0.0.0:5222" or "[::1]:5222": an IP address and a port, no name. The error says what is wrong.
Result<Endpoint, std::string> parse_address(std::string_view text);

/// Bound at once; accepts until `close`. Out of descriptors: waits and goes on, and says so once.
class Listener {
public:
    /// Called on the listener's strand; what it starts belongs on the socket's.
    using Handler = std::function<void(Socket, std::string peer_address)>;
    /// For the log: why connections wait. Once per shortage.
    using Complaint = std::function<void(const std::string&)>;

    /// `address` as "host:port" or "[::1]:port"; port 0 takes a free one. The error names the
    /// address.
    static Result<std::unique_ptr<Listener>, std::string> open(
        asio::io_context& context, const std::string& address
    );
    virtual ~Listener() = default;
    /// "127.0.0.1:5222".
    virtual std::string address() const = 0;
    virtual void start(Handler handler, Complaint complaint) = 0;
    void start(Handler handler) { start(std::move(handler), {}); }
    /// From any thread. No connection is handed over afterwards, once the strand has seen it.
    virtual void close() = 0;
};

}   // namespace grid::server::net
