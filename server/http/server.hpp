// server/http/server.hpp: HTTPS on 8443: health, and the REST interface for administrators.
#pragma once

#include <openssl/ssl.h>

#include <boost/asio.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "controller/admin/rest.hpp"
#include "pubsub/principal.hpp"
#include "server/config.hpp"
#include "server/log.hpp"
#include "server/net/listener.hpp"

namespace grid::server::tls {
class Vetting;
}

namespace grid::server::http {

struct Readiness {
    bool is_ready = true;
    std::vector<std::string> problems;   // shown to every client: no secrets, no names of accounts
};

/// The requests of HTTP to the grid. Called on a connection's strand, by many connections at once.
class HttpBackend {
public:
    using Done = std::function<void(controller::HttpResponse)>;
    virtual ~HttpBackend() = default;
    /// `done` once, from any thread, also when the grid is closing. The principal is who the
    /// client's certificate says; whether that account may do anything is the grid's to decide.
    virtual void api(
        controller::HttpRequest request,
        pubsub::Principal principal,
        controller::Identity identity,
        Done done
    ) = 0;
    virtual Readiness ready() = 0;
    /// A client was refused, without a certificate or with one that is not acceptable. `claimed`:
    /// the account that the certificate names.
    virtual void refused(
        std::string /*claimed*/,
        std::string /*address*/,
        std::string /*condition*/,
        std::string /*reason*/
    ) {}
};

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
    void start(net::Listener& listener);
    /// Requests in progress are answered, idle connections end. The listener is its owner's to
    /// close.
    void close();
    std::size_t connections() const;

    struct Shared;   // shared by the connections

private:
    std::shared_ptr<Shared> shared_;
};

}   // namespace grid::server::http
