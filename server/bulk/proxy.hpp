// server/bulk/proxy.hpp: the port of SOCKS5 byte streams (XEP-0065), listen.socks5.
#pragma once

#include <openssl/ssl.h>

#include <memory>

#include "server/bulk/byte_streams.hpp"
#include "server/config/config.hpp"
#include "server/log.hpp"
#include "server/net/listener.hpp"

namespace grid::server::tls {
class Vetting;
}

namespace grid::server::bulk {

struct ProxyShared;   // for all connections

/// Takes connections, reads the stream that each wants, and lets it wait for its other end. A
/// connection that is not active is a stranger: it gives way to newcomers, the oldest of the source
/// that has the most of them first (net/entrance.hpp), and its time is short. Connections whose
/// first byte is TLS's are TLS, with the client's certificate looked at as at a login.
class Proxy {
public:
    /// The parts that connections use; all outlive them.
    struct Parts {
        const Config& config;
        ByteStreams& streams;
        Transfers& transfers;
        std::function<void(std::function<void()>)> post;   // to the core strand
        SSL_CTX* tls;
        tls::Vetting& vetting;
        Log& log;
    };
    explicit Proxy(Parts parts);
    ~Proxy();
    void start(net::Listener& listener);
    /// No more is taken; what is not active ends. Any thread.
    void close();
    /// After the end of the context's threads, and before its handlers go: ends the threads of
    /// active streams, and closes what is left of these.
    void stop();

private:
    std::shared_ptr<ProxyShared> shared_;
};

}   // namespace grid::server::bulk
