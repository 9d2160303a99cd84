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

enum class Route {
    Health,
    Ready,
    Metrics,
    HostMeta,
    HostMetaJson,
    Api,
    WebSocket,
    Bosh,
    File,      // of a web application
    Bulk,      // that clients exchange
    Console,   // the console's own
    SignIn,    // to the console, by password
};

/// A request that may go on. HEAD is GET here; `is_head` leaves the body out of the answer.
struct Admitted {
    Route route = Route::Api;
    std::string method;   // GET, POST, PUT, PATCH, DELETE
    std::string path;     // Api: below /api/v1/, File, Bulk, Console: all of it; percent-encoded
    std::string query;
    bool is_head = false;
    /// Of a browser that is signed in by password: of its cookie, and what pages of ours send with
    /// each change. Both as given; empty: none.
    std::string token = {}, csrf = {};
};

/// A request that ends here.
struct Refusal {
    unsigned status = 400;
    std::string code, text;     // for people; code for programs
    std::string allow;          // 405, and OPTIONS (status 204)
    bool closes = false;        // the next bytes may be part of this request
    std::string headers = {};   // further ones, as lines
};

struct GuardSettings {
    std::vector<std::string> hosts;   // canonical; besides these, IP literals and localhost
    /// Of web pages that may open streams, besides the server's own: "https://app.example".
    std::vector<std::string> origins;
    bool has_websocket = false, has_bosh = false, has_files = false;
    bool has_bulk = false;
    bool has_passwords = false;   // a stream may be opened without a certificate
    bool has_sign_in = false;     // by password, to the console
};

/// Admits a request. `no_identity` is the reason why the client's certificate gives no account that
/// may administer, `no_client` why it gives none at all; each is empty when it gives one. Without
/// an account only health, readiness, host-meta and the files of the console are answered, which
/// say nothing about this grid; everything else is 401. Where there is a sign-in by password, the
/// sign-in itself is admitted, and so are requests with its cookie, whose token the grid looks up.
Result<Admitted, Refusal> admit(
    const Head& head,
    const GuardSettings& settings,
    const std::string& no_identity,
    const std::string& no_client = {}
);
/// The Origin of a request whose Host is known, if it is one that a stream may have: the page is
/// the server's own, or of `settings.origins`, or there is none, since the client is no browser.
bool is_known_origin(const Head& head, const GuardSettings& settings);
/// For an answer to a page of a known origin, which is another one (Fetch, "CORS protocol").
std::string cors_headers(const Head& head);

/// For probes (probe.hpp): health and readiness, and metrics where they are shown, no more.
Result<Admitted, Refusal> admit_probe(const Head& head, bool shows_metrics);

/// Host, without the port; lower case; brackets off. Empty when malformed.
std::string host_name(std::string_view host);

}   // namespace grid::server::http
