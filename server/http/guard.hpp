// server/http/guard.hpp: decides on a request by its head: the route, or the refusal. No I/O.
#pragma once

#include <boost/beast/http/fields.hpp>
#include <boost/beast/http/message.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "xml/result.hpp"

namespace grid::server::http {

using Head = boost::beast::http::request_header<boost::beast::http::fields>;

enum class Route { Health, Ready, Api };

/// A request that may go on. HEAD is GET here; `is_head` leaves the body out of the answer.
struct Admitted {
    Route route = Route::Api;
    std::string method;   // GET, POST, PUT, PATCH, DELETE
    std::string path;     // Api: below /api/v1/, still percent-encoded
    std::string query;
    bool is_head = false;
};

/// A request that ends here.
struct Refusal {
    unsigned status = 400;
    std::string code, text;   // for people; code for programs
    std::string allow;        // 405, and OPTIONS (status 204)
    bool closes = false;      // the next bytes may be part of this request
};

struct GuardSettings {
    std::vector<std::string> hosts;   // canonical; besides these, IP literals and localhost
};

/// Admits a request. `identity` is empty when the client's certificate gives one account; else it
/// has the reason. Then only health, readiness and host-meta are answered, everything else is 401.
Result<Admitted, Refusal> admit(
    const Head& head, const GuardSettings& settings, const std::string& no_identity
);

/// For probes (probe.hpp): health and readiness, no more.
Result<Admitted, Refusal> admit_probe(const Head& head);

/// Host, without the port; lower case; brackets off. Empty when malformed.
std::string host_name(std::string_view host);

}   // namespace grid::server::http
