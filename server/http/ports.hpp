// server/http/ports.hpp: the questions of HTTP to the grid.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "controller/identity.hpp"
#include "controller/rest/http.hpp"
#include "pubsub/principal.hpp"

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
    /// The server's metrics, for an administrator, or (no value) for the listener whose every
    /// client may read them. `done` as above.
    struct Asker {
        pubsub::Principal principal;
        controller::Identity identity;
    };
    virtual void metrics(std::optional<Asker> asker, Done done) = 0;
    /// A client was refused, without a certificate or with one that is not acceptable. `claimed`:
    /// the account that the certificate names.
    virtual void refused(
        std::string /*claimed*/,
        std::string /*address*/,
        std::string /*condition*/,
        std::string /*reason*/
    ) {}
};

}   // namespace grid::server::http
