// server/http/probe.hpp: /healthz and /readyz in plain HTTP: on a socket in the data directory
// for `gridctl health`, and on ports for probes that have no certificate, /metrics on one of them.
#pragma once

#include <boost/asio.hpp>
#include <filesystem>
#include <memory>
#include <string>

#include "server/http/server.hpp"
#include "server/net/listener.hpp"

namespace grid::server::http {

/// One request to a connection, within probe_seconds_max. At most probes_max at one time by each
/// way; when there are more the oldest gives way, so that strangers at the port do not
/// delay the socket.
class ProbeServer {
public:
    ProbeServer(boost::asio::io_context& context, HttpBackend& backend, Log& log);
    ~ProbeServer();

    /// Binds DIR/run/health.sock, for this process's user only (0600), in place of one that an
    /// earlier process left. The store's lock says that there is no other gridd here. The error is
    /// for the operator.
    Result<void, std::string> open_socket(const std::filesystem::path& data);
    void start_socket();
    /// `shows_metrics`: /metrics, too.
    void start(net::Listener& listener, bool shows_metrics);
    /// The socket goes; the listener is its owner's to close.
    void close();

    struct Shared;

private:
    std::shared_ptr<Shared> shared_;
};

}   // namespace grid::server::http
