// server/http/guard.cpp: routing and the checks that keep strangers and foreign web pages out.
#include "server/http/guard.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/ip/address.hpp>
#include <boost/beast/http/rfc7230.hpp>

#include "controller/bulk/history.hpp"
#include "controller/rest/routing.hpp"
#include "xml/domain.hpp"

namespace grid::server::http {
namespace {

namespace beast = boost::beast;
using Verb = beast::http::verb;

constexpr std::string_view api_prefix = "/api/v1/";
constexpr std::string_view sign_in_path = "/api/v1/session", sign_in_cookie = "__Host-gridd";
constexpr const char* sign_in_methods = "GET, HEAD, POST, DELETE, OPTIONS";
constexpr const char* read_methods = "GET, HEAD, OPTIONS";
constexpr const char* bosh_methods = "POST, OPTIONS";
constexpr const char* bulk_methods = "GET, HEAD, PUT, PATCH, DELETE, OPTIONS";
constexpr const char* api_methods = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }

std::string lower(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return out;
}

/// A page of another site can make a browser send our host name to an address of its choice, but it
/// cannot make it send an IP literal there: literals are safe whatever address we listen on, and
/// behind a container's port mapping we do not know the one that the client used.
bool is_known_host(const std::string& host, const GuardSettings& settings) {
    if (host.empty()) return false;
    if (host == "localhost") return true;
    boost::system::error_code error;
    boost::asio::ip::make_address(host, error);
    if (!error) return true;
    const auto known = [&](const std::string& name) {
        return std::find(settings.hosts.begin(), settings.hosts.end(), name) !=
               settings.hosts.end();
    };
    if (known(host)) return true;
    const auto prepared = xml::prepare_domain(host, true);   // xn--…: the same name in A-labels
    return prepared && known(*prepared);
}

bool changes_state(Verb verb) {
    return verb == Verb::post || verb == Verb::put || verb == Verb::patch || verb == Verb::delete_;
}

bool is_json(std::string_view content_type) {
    const auto end = content_type.find(';');
    std::string_view type = content_type.substr(0, end);
    while (type.ends_with(' ') || type.ends_with('\t')) type.remove_suffix(1);
    return lower(type) == "application/json";
}

std::string text_of(const Head& head, beast::http::field field) {
    return std::string(view(head[field]));
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_alphanumeric(char c) {
    const char letter = static_cast<char>(c | 0x20);
    return is_digit(c) || (letter >= 'a' && letter <= 'z');
}

/// RFC 3986 §3.2.2, `reg-name`.
bool is_in_name(char c) {
    constexpr std::string_view others = "-._~%!$&'()*+,;=";
    const bool is_beyond_ascii = (static_cast<unsigned char>(c) & 0x80U) != 0;
    return is_alphanumeric(c) || is_beyond_ascii || others.find(c) != std::string_view::npos;
}

bool is_in_address(char c) { return is_alphanumeric(c) || c == ':' || c == '.'; }

bool is_port(std::string_view text) {
    return text.empty() || (text.front() == ':' && std::ranges::all_of(text.substr(1), is_digit));
}

/// RFC 9112 §3.2: a name or an address, and the digits of a port. The bytes of an international
/// name may stand for themselves.
bool is_host(std::string_view text) {
    if (!text.starts_with('[')) {
        const auto colon = std::min(text.find(':'), text.size());
        return std::ranges::all_of(text.substr(0, colon), is_in_name) &&
               is_port(text.substr(colon));
    }
    const auto end = text.find(']');
    return end != std::string_view::npos &&
           std::ranges::all_of(text.substr(1, end - 1), is_in_address) &&
           is_port(text.substr(end + 1));
}

/// RFC 9112 §6.1: a server that does not know a transfer coding cannot tell where the request ends;
/// §3.2: exactly one Host in HTTP/1.1, never two.
Result<void, Refusal> check_framing(const Head& head) {
    using Field = beast::http::field;
    const auto refuse = [](const char* text) {
        return Refusal{400, "bad-request", text, {}, true};
    };
    if (const auto codings = head.count(Field::transfer_encoding); codings != 0)
        if (codings != 1 || head.version() < 11 ||
            lower(view(head[Field::transfer_encoding])) != "chunked")
            return refuse("the only Transfer-Encoding here is chunked");
    // RFC 9112 §6.3: also two that agree.
    if (head.count(Field::content_length) > 1)
        return refuse("Content-Length is given more than once");
    const auto hosts = head.count(Field::host);
    if (hosts > 1 || (hosts == 0 && head.version() >= 11))
        return refuse("exactly one Host header is needed");
    if (hosts == 1 && !is_host(view(head[Field::host])))
        return refuse("Host is a name or an address, and the digits of a port");
    return {};
}

Result<void, Refusal> check_host(const Head& head, const GuardSettings& settings) {
    if (head.count(beast::http::field::host) != 1)
        return Refusal{400, "bad-request", "exactly one Host header is needed", {}, true};
    const std::string host = host_name(view(head[beast::http::field::host]));
    if (is_known_host(host, settings)) return {};
    return Refusal{421, "misdirected-request", "this server is not '" + host + "'", {}};
}

/// Keeps a web page from using the certificate of the person who looks at it (CSRF).
Result<void, Refusal> check_own_page(const Head& head) {
    // Of two, a proxy or browser may have looked at the other one.
    for (const char* name : {"Origin", "Content-Type", "Sec-Fetch-Site"})
        if (head.count(name) > 1)
            return Refusal{400, "bad-request", std::string(name) + " is given more than once", {}};
    const std::string site = lower(view(head["Sec-Fetch-Site"]));
    if (!site.empty() && site != "same-origin" && site != "none")
        return Refusal{403, "foreign-origin", "requests of other web sites change nothing", {}};
    const std::string own = "https://" + lower(text_of(head, beast::http::field::host));
    const auto origin = head.find(beast::http::field::origin);
    if (origin != head.end() && lower(view(origin->value())) != own)
        return Refusal{403, "foreign-origin", "requests of other web sites change nothing", {}};
    return {};
}

/// The type is one that a page of another site cannot send unasked.
Result<void, Refusal> check_change(const Head& head) {
    if (auto own = check_own_page(head); !own) return own.error();
    // RFC 9110 §15.5.16
    using Field = beast::http::field;
    if (const auto codings = head.count(Field::content_encoding);
        codings > 1 || (codings == 1 && lower(view(head[Field::content_encoding])) != "identity")) {
        Refusal refusal{
            415,
            "unsupported-media-type",
            "a body is taken as it is, without any Content-Encoding",
            {}
        };
        refusal.headers = "Accept-Encoding: identity\r\n";
        return refusal;
    }
    if (is_json(view(head[beast::http::field::content_type]))) return {};
    return Refusal{
        415,
        "unsupported-media-type",
        "a request that changes something needs Content-Type: application/json",
        {}
    };
}

struct Target {
    std::string_view path, query;
};

Target split(std::string_view target) {
    const auto mark = target.find('?');
    if (mark == std::string_view::npos) return {target, {}};
    return {target.substr(0, mark), target.substr(mark + 1)};
}

/// Routes that need no certificate.
Result<Admitted, Refusal> admit_open(const Head& head, Route route) {
    const Verb verb = head.method();
    if (verb == Verb::options) return Refusal{204, {}, {}, read_methods};
    if (verb != Verb::get && verb != Verb::head)
        return Refusal{
            405, "method-not-allowed", "only GET and HEAD are possible here", read_methods
        };
    return Admitted{route, "GET", {}, {}, verb == Verb::head};
}

Result<Admitted, Refusal> admit_api(const Head& head, const Target& target) {
    const Verb verb = head.method();
    const std::string_view path = target.path.substr(api_prefix.size());
    const bool is_read = verb == Verb::get || verb == Verb::head;
    if (!is_read && !changes_state(verb)) {
        const std::string allowed = controller::rest::allowed_at(path);
        if (allowed.empty())
            return Refusal{404, "unknown-path", "there is nothing at this path", {}};
        if (verb == Verb::options) return Refusal{204, {}, {}, allowed};
        return Refusal{405, "method-not-allowed", "no such method here", allowed};
    }
    if (!is_read) {
        if (auto checked = check_change(head); !checked) return checked.error();
    }
    const std::string method(is_read ? "GET" : view(head.method_string()));
    return Admitted{
        Route::Api, method, std::string(path), std::string(target.query), verb == Verb::head
    };
}

std::string_view without_blanks(std::string_view text) {
    while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
    while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
    return text;
}

/// RFC 6265 §5.4. Of two it cannot be told which is ours.
std::string sign_in_token(const Head& head) {
    std::string token;
    std::size_t count = 0;
    const auto [first, last] = head.equal_range(beast::http::field::cookie);
    for (auto at = first; at != last; ++at) {
        std::string_view rest = view(at->value());
        while (!rest.empty()) {
            const std::string_view one = without_blanks(rest.substr(0, rest.find(';')));
            rest.remove_prefix(std::min(rest.size(), std::min(rest.find(';'), rest.size()) + 1));
            const auto equals = std::min(one.find('='), one.size());
            if (one.substr(0, equals) != sign_in_cookie) continue;
            token = one.substr(std::min(equals + 1, one.size()));
            ++count;
        }
    }
    return count == 1 ? token : std::string();
}

Result<Admitted, Refusal> admit_sign_in(const Head& head) {
    const Verb verb = head.method();
    if (verb == Verb::options) return Refusal{204, {}, {}, sign_in_methods};
    const bool is_read = verb == Verb::get || verb == Verb::head;
    if (!is_read && verb != Verb::post && verb != Verb::delete_)
        return Refusal{405, "method-not-allowed", "no such method here", sign_in_methods};
    if (!is_read) {
        if (auto checked = check_change(head); !checked) return checked.error();
    }
    return Admitted{
        Route::SignIn,
        std::string(is_read ? "GET" : view(head.method_string())),
        {},
        {},
        verb == Verb::head
    };
}

/// A cookie goes along with whatever a browser asks, so that more is asked of such a request: it
/// comes from a page of ours, and says so where it changes something.
Result<Admitted, Refusal> with_token(Admitted admitted, const Head& head, std::string token) {
    if (auto own = check_own_page(head); !own) return own.error();
    const bool says_so = head.count("Origin") != 0 || head.count("Sec-Fetch-Site") != 0;
    if (admitted.method != "GET" && !says_so)
        return Refusal{
            403,
            "foreign-origin",
            "a change by a browser that is signed in has the header Origin or Sec-Fetch-Site",
            {}
        };
    if (head.count("X-CSRF-Token") == 1) admitted.csrf = std::string(view(head["X-CSRF-Token"]));
    admitted.token = std::move(token);
    return admitted;
}

/// Everything that administration is answered at.
Result<Admitted, Refusal> admit_administration(const Head& head, const Target& target) {
    if (target.path == "/metrics") return admit_open(head, Route::Metrics);
    if (target.path == "*") return Refusal{204, {}, {}, api_methods};   // OPTIONS of the server
    if (target.path.starts_with(api_prefix)) return admit_api(head, target);
    return Refusal{
        404, "not-found", "there is nothing at this path; the interface is below /api/v1/", {}
    };
}

Refusal foreign_origin() {
    return {
        403,
        "foreign-origin",
        "pages of other web sites get no stream here, unless http.allowed_origins names them",
        {}
    };
}

/// XEP-0156 lists ways to connect other than RFC 6120's; a file that lists none helps no client.
Result<Admitted, Refusal> admit_host_meta(
    const Head& head, const GuardSettings& settings, bool is_json
) {
    if (!settings.has_websocket && !settings.has_bosh)
        return Refusal{404, "not-found", "there is no way to connect but XMPP's own ports", {}};
    // The file names this server as the client does.
    if (auto known = check_host(head, settings); !known) return known.error();
    return admit_open(head, is_json ? Route::HostMetaJson : Route::HostMeta);
}

/// The first page is the console's where no application has it.
bool is_console(std::string_view path, const GuardSettings& settings) {
    return path == "/console" || path.starts_with("/console/") ||
           (path == "/" && !settings.has_files);
}

/// The same files for everybody: what they show comes from /api/v1, under its rules. A person
/// without a certificate learns there how to get in.
Result<Admitted, Refusal> admit_console(
    const Head& head, const GuardSettings& settings, std::string_view path
) {
    if (auto known = check_host(head, settings); !known) return known.error();
    auto admitted = admit_open(head, Route::Console);
    if (admitted) admitted->path = path;
    return admitted;
}

/// Route::Api: everything that only administrators are answered.
Route route_of(std::string_view path, const GuardSettings& settings) {
    if (settings.has_websocket && path == "/xmpp-websocket") return Route::WebSocket;
    if (settings.has_bosh && path == "/http-bind") return Route::Bosh;
    const bool is_history = path == "/bulk/history";   // also where no files are kept
    if (is_history || (settings.has_bulk && path.starts_with("/bulk/"))) return Route::Bulk;
    if (settings.has_files && !path.starts_with("/api/") && path != "/metrics") return Route::File;
    return Route::Api;
}

Refusal answer_preflight(const Head& head, const GuardSettings& settings) {
    if (auto known = check_host(head, settings); !known) return known.error();
    if (!is_known_origin(head, settings)) return foreign_origin();
    Refusal answer{204, {}, {}, bosh_methods};
    answer.headers = cors_headers(head);
    if (!answer.headers.empty())
        answer.headers +=
            "Access-Control-Allow-Methods: POST\r\n"
            "Access-Control-Allow-Headers: Content-Type\r\n"
            "Access-Control-Max-Age: 600\r\n";
    return answer;
}

Result<Admitted, Refusal> admit_bulk(const Head& head, const Target& target) {
    const Verb verb = head.method();
    const bool is_history = target.path == controller::bulk::history_path;
    const char* const allowed = is_history ? read_methods : bulk_methods;
    if (verb == Verb::options) return Refusal{204, {}, {}, allowed};
    const bool is_read = verb == Verb::get || verb == Verb::head;
    if (!is_read && verb != Verb::put && verb != Verb::patch && verb != Verb::delete_)
        return Refusal{405, "method-not-allowed", "no such method here", allowed};
    if (auto own = check_own_page(head); !is_read && !own) return own.error();
    return Admitted{
        Route::Bulk, std::string(is_read ? "GET" : view(head.method_string())),
        std::string(target.path), std::string(target.query), verb == Verb::head
    };
}

/// For every client with a certificate, administrator or not.
Result<Admitted, Refusal> admit_client(
    const Head& head, const GuardSettings& settings, Route route, const Target& target
) {
    const Verb verb = head.method();
    if (route == Route::Bulk) return admit_bulk(head, target);
    if (route == Route::File) {
        auto admitted = admit_open(head, route);
        if (admitted) admitted->path = target.path;
        return admitted;
    }
    if (!is_known_origin(head, settings)) return foreign_origin();
    if (route == Route::Bosh && verb != Verb::post)
        return Refusal{405, "method-not-allowed", "BOSH is POST alone", bosh_methods};
    if (route == Route::Bosh) return Admitted{route, "POST", {}, {}, false};
    if (verb != Verb::get)
        return Refusal{405, "method-not-allowed", "a WebSocket begins with GET", "GET"};
    return Admitted{route, "GET", {}, {}, false};
}

}   // namespace

std::string host_name(std::string_view host) {
    if (host.starts_with('[')) {   // [::1]:8443
        const auto end = host.find(']');
        if (end == std::string_view::npos) return "";
        const std::string_view after = host.substr(end + 1);
        return after.empty() || after.starts_with(':') ? lower(host.substr(1, end - 1)) : "";
    }
    std::string_view name = host.substr(0, host.find(':'));
    if (name.ends_with('.')) name.remove_suffix(1);
    return lower(name);
}

Result<Admitted, Refusal> admit_probe(const Head& head, bool shows_metrics) {
    if (auto framed = check_framing(head); !framed) return framed.error();
    const Target target = split(view(head.target()));
    if (target.path == "/healthz") return admit_open(head, Route::Health);
    if (target.path == "/readyz") return admit_open(head, Route::Ready);
    if (shows_metrics && target.path == "/metrics") return admit_open(head, Route::Metrics);
    const std::string all =
        shows_metrics ? "/healthz, /readyz and /metrics" : "/healthz and /readyz";
    return Refusal{404, "not-found", "there is nothing here but " + all, {}};
}

Result<Admitted, Refusal> admit(
    const Head& head,
    const GuardSettings& settings,
    const std::string& no_identity,
    const std::string& no_client
) {
    if (auto framed = check_framing(head); !framed) return framed.error();
    const Target target = split(view(head.target()));
    if (target.path == "/healthz") return admit_open(head, Route::Health);
    if (target.path == "/readyz") return admit_open(head, Route::Ready);
    const bool is_json = target.path == "/.well-known/host-meta.json";
    if (is_json || target.path == "/.well-known/host-meta")
        return admit_host_meta(head, settings, is_json);
    if (is_console(target.path, settings)) return admit_console(head, settings, target.path);
    if (const auto route = route_of(target.path, settings); route != Route::Api) {
        // A browser shows no certificate when it asks whether it may ask.
        if (route == Route::Bosh && head.method() == Verb::options)
            return answer_preflight(head, settings);
        // A stream has a login of its own, which may be by password.
        const bool has_login =
            route != Route::File && route != Route::Bulk && settings.has_passwords;
        if (!no_client.empty() && !has_login)
            return Refusal{401, "certificate-required", no_client, {}};
        if (auto known = check_host(head, settings); !known) return known.error();
        return admit_client(head, settings, route, target);
    }
    const bool is_sign_in = settings.has_sign_in && target.path == sign_in_path;
    std::string token = settings.has_sign_in ? sign_in_token(head) : std::string();
    if (!no_identity.empty() && token.empty() && !is_sign_in)
        return Refusal{
            401, settings.has_sign_in ? "sign-in-required" : "certificate-required", no_identity, {}
        };
    if (auto known = check_host(head, settings); !known) return known.error();
    auto admitted = is_sign_in ? admit_sign_in(head) : admit_administration(head, target);
    if (!admitted || token.empty()) return admitted;
    return with_token(std::move(*admitted), head, std::move(token));
}

std::string cors_headers(const Head& head) {
    const std::string origin = text_of(head, beast::http::field::origin);
    if (origin.empty()) return "";
    return "Access-Control-Allow-Origin: " + origin +
           "\r\nAccess-Control-Allow-Credentials: true\r\nVary: Origin\r\n";
}

bool is_known_origin(const Head& head, const GuardSettings& settings) {
    using Field = beast::http::field;
    if (head.count(Field::origin) == 0) return true;
    if (head.count(Field::origin) > 1) return false;
    const std::string origin = lower(text_of(head, Field::origin));
    if (origin == "https://" + lower(text_of(head, Field::host))) return true;
    return std::find(settings.origins.begin(), settings.origins.end(), origin) !=
           settings.origins.end();
}

}   // namespace grid::server::http
