// server/http/server.hpp: the listener of HTTPS: administration, probes, streams and files.
#pragma once

#include <openssl/ssl.h>

#include <boost/asio.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "controller/rest/rest.hpp"
#include "pubsub/principal.hpp"
#include "server/config/config.hpp"
#include "server/http/ports.hpp"
#include "server/log.hpp"
#include "server/net/listener.hpp"
#include "xml/result.hpp"

namespace grid::server::tls {
class Vetting;
}
namespace grid::server::c2s {
class Acceptor;
}
namespace grid::server::bulk {
class FileStore;
}

namespace grid::server::http {

struct ServerShared;   // for all connections

/// A coroutine per connection, each on its own strand. Everything given outlives the io_context's
/// run.
class HttpServer {
public:
    HttpServer(
        boost::asio::io_context& context,
        HttpBackend& backend,
        SSL_CTX* tls,
        const Config& config,
        Log& log,
        tls::Vetting& vetting
    );
    ~HttpServer();
    /// Streams over WebSocket and BOSH, as the configuration has them. Before `start`.
    void attach(std::shared_ptr<c2s::Acceptor> acceptor);
    /// Files that clients exchange, below /bulk/. Before `start`.
    void attach(std::shared_ptr<bulk::FileStore> store);
    /// Reads the files of http.static_dir, if there are any; the error says what is wrong.
    Result<void, std::string> read_files();
    void start(net::Listener& listener);
    /// Requests in progress are answered, idle connections end. The listener is its owner's to
    /// close.
    void close();
    std::size_t connections() const;

private:
    std::shared_ptr<ServerShared> shared_;
};

}   // namespace grid::server::http
