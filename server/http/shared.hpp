// server/http/shared.hpp: what all HTTPS connections of a server refer to. Outlives them.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>

#include "server/http/guard.hpp"
#include "server/http/server.hpp"

namespace grid::server::http {

class Connection;

struct HttpServer::Shared {
    Shared(
        HttpBackend& to,
        SSL_CTX* context,
        const Config& settings,
        Log& lines,
        tls::Vetting& certificates
    );

    HttpBackend& backend;
    SSL_CTX* tls;
    const Config& config;
    Log& log;
    tls::Vetting& vetting;
    GuardSettings guard;

    /// Who is connected, for the limits and for `close`. A mutex, because connections come and go
    /// on strands of their own; held for a lookup.
    std::mutex mutex;
    std::set<Connection*> connections;
    std::map<std::string, std::size_t> per_address;
    bool is_closing = false;

    /// False: there are too many already, or the server is closing.
    bool enter(Connection* connection, const std::string& peer);
    void leave(Connection* connection, const std::string& peer);
};

}   // namespace grid::server::http
