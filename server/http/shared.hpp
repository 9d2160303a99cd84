// server/http/shared.hpp: the state that all HTTPS connections of a server share. Outlives them.
#pragma once

#include <openssl/ssl.h>
#include <memory>
#include <mutex>
#include <set>

#include "server/config/config.hpp"
#include "server/http/guard.hpp"
#include "server/http/pages/static_files.hpp"
#include "server/http/ports.hpp"
#include "server/log.hpp"
#include "server/net/entrance.hpp"

namespace grid::server::tls {
class Vetting;
}
namespace grid::server::c2s {
class Acceptor;
}
namespace grid::server::bosh {
class Manager;
}
namespace grid::server::bulk {
class FileStore;
}

namespace grid::server::http {

class Connection;

struct ServerShared {
    ServerShared(
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
    std::shared_ptr<c2s::Acceptor> acceptor;   // of streams; null: there are none here
    std::shared_ptr<bosh::Manager> bosh;
    StaticFiles files;
    std::shared_ptr<bulk::FileStore> store;   // of what clients exchange; null: nothing is kept

    std::shared_ptr<net::Entrance> entrance;

    /// For `close`. A mutex, because connections come and go on strands of their own; held for a
    /// lookup.
    std::mutex mutex;
    std::set<Connection*> connections;
    bool is_closing = false;

    /// False: the server is closing.
    bool enter(Connection* connection);
    void leave(Connection* connection);
};

}   // namespace grid::server::http
