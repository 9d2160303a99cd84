// tests/unit/server/http/http_guard_test.cpp: which requests may go on, decided on the head
// alone.
#include <boost/beast/http/verb.hpp>
#include <catch2/catch.hpp>

#include "server/http/answer.hpp"
#include "server/http/guard.hpp"
#include "server/http/request_form.hpp"

namespace http_guard_test {

using namespace grid::server::http;
using Verb = boost::beast::http::verb;
using Field = boost::beast::http::field;

namespace {

const GuardSettings settings{{"grid.example", "pubsub.grid.example"}, {}};
const GuardSettings web{{"grid.example"}, {"https://app.example"}, true, true, true};

Head head(Verb verb, const std::string& target, const std::string& host = "grid.example:8443") {
    Head made;
    made.version(11);
    made.method(verb);
    made.target(target);
    made.set(Field::host, host);
    if (verb != Verb::get && verb != Verb::head) made.set(Field::content_type, "application/json");
    return made;
}

unsigned status(const Head& request, const std::string& no_identity = {}) {
    const auto result = admit(request, settings, no_identity);
    return result ? 0 : result.error().status;
}

}   // namespace

TEST_CASE("health and readiness need no certificate, everything else does", "[http]") {
    CHECK(status(head(Verb::get, "/healthz"), "no certificate") == 0);
    CHECK(status(head(Verb::get, "/readyz?verbose"), "no certificate") == 0);
    for (const char* path :
         {"/other", "/api/v1/status", "/metrics", "/healthz/", "/HEALTHZ", "//healthz",
          "/api/v1/../../healthz", "/%68ealthz"})
        CHECK(status(head(Verb::get, path), "no certificate") == 401);
    CHECK(status(head(Verb::post, "/api/v1/accounts"), "no certificate") == 401);
    CHECK(status(head(Verb::options, "/api/v1/accounts"), "no certificate") == 401);
    const auto refused = admit(head(Verb::get, "/other"), settings, "it expired");
    CHECK(refused.error().text == "it expired");
}

TEST_CASE("host-meta says nothing while there is nothing to say", "[http]") {
    CHECK(status(head(Verb::get, "/.well-known/host-meta"), "no certificate") == 404);
    CHECK(status(head(Verb::get, "/.well-known/host-meta.json")) == 404);
}

TEST_CASE("host-meta names the ways to connect, to everybody who knows our name", "[http]") {
    const auto answered = admit(head(Verb::get, "/.well-known/host-meta"), web, "none", "none");
    REQUIRE(answered.has_value());
    CHECK(answered->route == Route::HostMeta);
    const auto json = admit(head(Verb::get, "/.well-known/host-meta.json"), web, "none", "none");
    CHECK(json->route == Route::HostMetaJson);
    const auto foreign = head(Verb::get, "/.well-known/host-meta", "evil.example");
    CHECK(admit(foreign, web, "none", "none").error().status == 421);
}

TEST_CASE("streams and files are for every client, administration is not", "[http]") {
    const auto route = [](const std::string& target, const char* no_client = "") {
        const Verb verb = target == "/http-bind" ? Verb::post : Verb::get;
        const auto admitted = admit(head(verb, target), web, "no administrator", no_client);
        return admitted ? std::to_string(static_cast<int>(admitted->route))
                        : std::to_string(admitted.error().status);
    };
    const auto is = [](Route wanted) { return std::to_string(static_cast<int>(wanted)); };
    CHECK(route("/xmpp-websocket") == is(Route::WebSocket));
    CHECK(route("/http-bind") == is(Route::Bosh));
    CHECK(route("/app/main.js?v=1") == is(Route::File));
    CHECK(route("/api/v1/status") == "401");
    CHECK(route("/api/v2") == "401");
    for (const char* path : {"/xmpp-websocket", "/http-bind", "/app/main.js"})
        CHECK(route(path, "no certificate") == "401");
}

TEST_CASE("the console's files are for everybody who knows our name", "[http]") {
    const auto route = [](Verb verb, const std::string& target, const GuardSettings& with) {
        const auto admitted = admit(head(verb, target), with, "no certificate", "no certificate");
        return admitted ? admitted->path : std::to_string(admitted.error().status);
    };
    for (const char* path : {"/", "/console", "/console/", "/console/pages/topics.js"})
        CHECK(route(Verb::get, path, settings) == path);
    CHECK(route(Verb::head, "/console/?a=b", settings) == "/console/");
    // An application has the first page, and no file of the console's.
    CHECK(route(Verb::get, "/", web) == "401");
    CHECK(route(Verb::get, "/console/", web) == "/console/");
    for (const char* path : {"/consoles", "/Console/", "/console.html", "//console/"})
        CHECK(route(Verb::get, path, settings) == "401");
    CHECK(route(Verb::post, "/console/", settings) == "405");
    const auto foreign = head(Verb::get, "/console/", "evil.example");
    CHECK(admit(foreign, settings, "", "").error().status == 421);
}

TEST_CASE("a page of another site gets no stream", "[http]") {
    const auto status_of = [](const char* origin, const char* target = "/xmpp-websocket") {
        auto request = head(Verb::get, target);
        request.insert(Field::origin, origin);
        const auto admitted = admit(request, web, "", "");
        return admitted ? 0U : admitted.error().status;
    };
    CHECK(status_of("https://grid.example:8443") == 0);
    CHECK(status_of("HTTPS://APP.example") == 0);
    for (const char* origin :
         {"https://grid.example", "http://grid.example:8443", "null", "", "https://evil.example",
          "https://app.example.evil.example", "https://app.example:444"}) {
        CHECK(status_of(origin) == 403);
        CHECK(status_of(origin, "/http-bind") == 403);
    }
    auto twice = head(Verb::get, "/xmpp-websocket");
    twice.insert(Field::origin, "https://app.example");
    twice.insert(Field::origin, "https://evil.example");
    CHECK(admit(twice, web, "", "").error().status == 403);
    CHECK(admit(head(Verb::post, "/xmpp-websocket"), web, "", "").error().status == 405);
}

TEST_CASE("path and query go on as they are: who takes them apart decodes them", "[http]") {
    const auto result =
        admit(head(Verb::get, "/api/v1/topics/a%2Fb%20%25c?after=x%26y&max=2"), settings, "");
    REQUIRE(result.has_value());
    CHECK(result->route == Route::Api);
    CHECK(result->method == "GET");
    CHECK(result->path == "topics/a%2Fb%20%25c");
    CHECK(result->query == "after=x%26y&max=2");
}

TEST_CASE("a path that is not there is 404 for those who may ask", "[http]") {
    CHECK(status(head(Verb::get, "/other")) == 404);
    CHECK(status(head(Verb::get, "/api/v1")) == 404);
    CHECK(status(head(Verb::get, "/api/v2/status")) == 404);
}

TEST_CASE("HEAD is GET without a body", "[http]") {
    const auto result = admit(head(Verb::head, "/api/v1/status"), settings, "");
    REQUIRE(result.has_value());
    CHECK(result->method == "GET");
    CHECK(result->is_head);
}

TEST_CASE("methods that are not there are named, with those that are", "[http]") {
    const auto refused = admit(head(Verb::trace, "/api/v1/status"), settings, "");
    REQUIRE(!refused.has_value());
    CHECK(refused.error().status == 405);
    CHECK(refused.error().allow == "GET, HEAD, OPTIONS");
    const auto at = [](const char* path) {
        return admit(head(Verb::options, path), settings, "").error();
    };
    CHECK(at("/api/v1/policy").status == 204);
    CHECK(at("/api/v1/policy").allow == "GET, PUT, HEAD, OPTIONS");
    CHECK(at("/api/v1/policy/test").allow == "POST, OPTIONS");
    CHECK(at("/api/v1/bulk").status == 404);
    CHECK(status(head(Verb::post, "/healthz"), "no certificate") == 405);
    const auto options = admit(head(Verb::options, "/healthz"), settings, "no certificate");
    CHECK(options.error().status == 204);
    CHECK(options.error().allow == "GET, HEAD, OPTIONS");
}

TEST_CASE("Host is one of ours, localhost or an address", "[http]") {
    for (const char* host :
         {"grid.example", "GRID.example:8443", "grid.example.", "localhost:1", "127.0.0.1:8443",
          "[::1]:8443", "[::1]", "pubsub.grid.example"})
        CHECK(status(head(Verb::get, "/api/v1/status", host)) == 0);
    for (const char* host :
         {"evil.example", "grid.example.evil.example", "xgrid.example", "", "127.0.0.1.evil.example"
         })
        CHECK(status(head(Verb::get, "/api/v1/status", host)) == 421);
    // RFC 9112 §3.2: what is no host is refused wherever it is sent to.
    for (const char* host :
         {"[::1", "[::1]x", "[::1]:x", "grid.example:x", "grid.example:1:2", "grid.example:1/a?",
          "a@grid.example", "grid.example, evil.example", "grid.example/", "grid.example#",
          "<script>"})
        for (const char* path : {"/api/v1/status", "/healthz"})
            CHECK(status(head(Verb::get, path, host)) == 400);
    Head none = head(Verb::get, "/api/v1/status");
    none.erase(Field::host);
    CHECK(status(none) == 400);
    Head two = head(Verb::get, "/api/v1/status");
    two.insert(Field::host, "grid.example");
    CHECK(status(two) == 400);
    for (Head request : {head(Verb::get, "/healthz"), head(Verb::get, "/api/v1/status")}) {
        request.erase(Field::host);
        CHECK(status(request, "no certificate") == 400);
        request.version(10);
        CHECK(status(request, "no certificate") != 400);
    }
}

TEST_CASE("a target in absolute form names the host (RFC 9112 §3.2.2)", "[http]") {
    const auto formed = [](const std::string& target, Verb verb = Verb::get) {
        Head request = head(verb, target, "evil.example");
        const auto refusal = to_origin_form(request, "https");
        if (refusal) return std::to_string(refusal->status);
        return std::string(request[Field::host]) + " " + std::string(request.target());
    };
    CHECK(formed("/a?b") == "evil.example /a?b");
    CHECK(formed("https://grid.example/healthz") == "grid.example /healthz");
    CHECK(formed("HTTPS://grid.example:8443") == "grid.example:8443 /");
    CHECK(formed("https://grid.example?a=https://x/") == "grid.example /?a=https://x/");
    CHECK(formed("https://grid.example", Verb::options) == "grid.example *");
    CHECK(formed("*", Verb::options) == "evil.example *");
    CHECK(formed("http://grid.example/") == "421");
    for (const char* target : {"*", "api/v1/status", "grid.example:443", "grid.example", ""})
        CHECK(formed(target) == "400");
    // One Host is needed all the same.
    for (const bool is_twice : {false, true}) {
        Head request = head(Verb::get, "https://grid.example/api/v1/status");
        if (is_twice)
            request.insert(Field::host, "evil.example");
        else
            request.erase(Field::host);
        CHECK_FALSE(to_origin_form(request, "https"));
        CHECK(status(request) == 400);
    }
}

TEST_CASE("OPTIONS of the server as a whole", "[http]") {
    const auto refused = admit(head(Verb::options, "*"), settings, "");
    CHECK(refused.error().status == 204);
    CHECK_FALSE(refused.error().allow.empty());
    CHECK(status(head(Verb::options, "*"), "no certificate") == 401);
}

TEST_CASE("a client of HTTP/1.0 is not told to continue (RFC 9110 §10.1.1)", "[http]") {
    Head request = head(Verb::post, "/api/v1/policy");
    CHECK_FALSE(awaits_continue(request));
    request.set(Field::expect, "100-Continue");
    CHECK(awaits_continue(request));
    request.version(10);
    CHECK_FALSE(awaits_continue(request));
    request.version(11);
    request.set(Field::expect, "200-ok");
    CHECK_FALSE(awaits_continue(request));
}

TEST_CASE("a body whose end is not known ends the connection (found A18)", "[http]") {
    for (const char* coding : {"xchunked", "gzip, chunked", "chunked, identity", ""}) {
        Head request = head(Verb::post, "/api/v1/policy");
        request.set(Field::transfer_encoding, coding);
        const auto refused = admit(request, settings, "");
        REQUIRE(refused.has_error());
        CHECK(refused.error().status == 400);
        CHECK(refused.error().closes);
    }
    Head request = head(Verb::post, "/api/v1/policy");
    request.set(Field::transfer_encoding, "Chunked");
    CHECK(status(request) == 0);
    request.insert(Field::transfer_encoding, "chunked");
    CHECK(status(request) == 400);
}

TEST_CASE("of a header that decides there is one (found A23)", "[http]") {
    for (const auto field : {Field::origin, Field::content_type}) {
        Head request = head(Verb::post, "/api/v1/policy");
        const bool is_origin = field == Field::origin;
        request.set(field, is_origin ? "https://grid.example:8443" : "application/json");
        CHECK(status(request) == 0);
        request.insert(field, is_origin ? "https://evil.example" : "text/plain");
        CHECK(status(request) == 400);
    }
}

TEST_CASE("for probes there is health and readiness, and no more (found 41)", "[http]") {
    const auto probed = [](const Head& request) {
        const auto result = admit_probe(request, false);
        return result ? 0 : result.error().status;
    };
    CHECK(probed(head(Verb::get, "/healthz", "anything")) == 0);
    CHECK(probed(head(Verb::head, "/readyz")) == 0);
    CHECK(probed(head(Verb::post, "/healthz")) == 405);
    CHECK(probed(head(Verb::get, "/api/v1/status")) == 404);
}

TEST_CASE("another site's page changes nothing", "[http]") {
    const auto with = [](const char* name, const char* value) {
        Head request = head(Verb::post, "/api/v1/accounts");
        request.set(name, value);
        return status(request);
    };
    CHECK(with("Origin", "https://grid.example:8443") == 0);
    CHECK(with("Origin", "https://evil.example") == 403);
    CHECK(with("Origin", "http://grid.example:8443") == 403);
    CHECK(with("Origin", "https://grid.example") == 403);   // another port is another origin
    CHECK(with("Origin", "null") == 403);
    CHECK(with("Sec-Fetch-Site", "same-origin") == 0);
    CHECK(with("Sec-Fetch-Site", "none") == 0);
    CHECK(with("Sec-Fetch-Site", "same-site") == 403);
    CHECK(with("Sec-Fetch-Site", "cross-site") == 403);
}

TEST_CASE("what changes something is JSON", "[http]") {
    for (const Verb verb : {Verb::post, Verb::put, Verb::patch, Verb::delete_}) {
        Head request = head(verb, "/api/v1/policy");
        CHECK(status(request) == 0);
        request.set(Field::content_type, "Application/JSON ; charset=utf-8");
        CHECK(status(request) == 0);
        for (const char* type :
             {"text/plain", "application/x-www-form-urlencoded", "application/jsonx",
              "multipart/form-data; boundary=application/json"}) {
            request.set(Field::content_type, type);
            CHECK(status(request) == 415);
        }
        request.erase(Field::content_type);
        CHECK(status(request) == 415);
    }
}

TEST_CASE("an answer tells its length, closes or not, and never what we are", "[http]") {
    Answer answer;
    answer.body = R"({"a":1})";
    const std::string text = to_bytes(answer, 784'111'777'000);
    CHECK(text.starts_with("HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"));
    CHECK(text.find("Content-Length: 7\r\n") != std::string::npos);
    CHECK(text.find("Connection: close\r\n") != std::string::npos);
    CHECK(text.find("X-Content-Type-Options: nosniff\r\n") != std::string::npos);
    CHECK(text.find("Server:") == std::string::npos);
    CHECK(text.ends_with("\r\n\r\n{\"a\":1}"));
    answer.is_head = answer.keeps_alive = true;
    const std::string only_head = to_bytes(answer, 0);
    CHECK(only_head.ends_with("\r\n\r\n"));
    CHECK(only_head.find("Content-Length: 7\r\n") != std::string::npos);
    CHECK(only_head.find("Connection:") == std::string::npos);
}

TEST_CASE("an answer to OPTIONS has no body and no length", "[http]") {
    const std::string text = to_bytes(to_answer({204, "", "", "GET"}), 0);
    CHECK(text.find("Allow: GET\r\n") != std::string::npos);
    CHECK(text.find("\r\nContent-Type") == std::string::npos);
    CHECK(text.find("Content-Length") == std::string::npos);
}

TEST_CASE("a 401 says what would authenticate (RFC 9110 §11.6.1)", "[http]") {
    const auto said = [](unsigned status) {
        return to_bytes(to_answer(Refusal{status, "x", "no", {}}), 0)
                   .find("\r\nWWW-Authenticate: TLS-Client-Certificate\r\n") != std::string::npos;
    };
    CHECK(said(401));
    CHECK_FALSE(said(403));
}

TEST_CASE("error texts are quoted as JSON", "[http]") {
    const Answer refused = to_answer(Refusal{403, "x", "say \"no\"\n", {}});
    CHECK(refused.type == "application/problem+json");
    CHECK(
        refused.body == R"({"type":"about:blank","title":"Forbidden","status":403,)"
                        R"("detail":"say \"no\"\n","code":"x"})"
    );
}

TEST_CASE("what the parser refuses has a status, a lost connection has none", "[http]") {
    using E = boost::beast::http::error;
    CHECK(to_refusal(E::header_limit)->status == 431);
    CHECK(to_refusal(E::body_limit)->status == 413);
    CHECK(to_refusal(E::bad_version)->status == 505);
    CHECK(to_refusal(E::bad_content_length)->status == 400);
    CHECK(!to_refusal(E::end_of_stream));
    CHECK(!to_refusal(make_error_code(boost::system::errc::connection_reset)));
}

TEST_CASE("a cookie is looked at where there is a sign-in by password, and only then", "[http]") {
    GuardSettings with = settings;
    with.has_sign_in = true;
    const std::string cookie = "a=b; __Host-gridd=0123; c=d";
    Head request = head(Verb::get, "/api/v1/status");
    request.set(Field::cookie, cookie);
    CHECK(admit(request, settings, "no certificate").error().code == "certificate-required");
    CHECK(
        admit(head(Verb::get, "/api/v1/status"), with, "none").error().code == "sign-in-required"
    );
    const auto admitted = admit(request, with, "no certificate");
    REQUIRE(admitted.has_value());
    CHECK(admitted->token == "0123");
    CHECK(admitted->route == Route::Api);
    request.target("/metrics");
    CHECK(admit(request, with, "no certificate").has_value());
    // Of two it cannot be told which is ours.
    request.set(Field::cookie, "__Host-gridd=0123; __Host-gridd=4567");
    CHECK(admit(request, with, "no certificate").error().status == 401);
    request.set(Field::cookie, "gridd=0123; x__Host-gridd=1; __Host-gridd");
    CHECK(admit(request, with, "no certificate").error().status == 401);
    const auto sign_in = admit(head(Verb::post, "/api/v1/session"), with, "no certificate");
    REQUIRE(sign_in.has_value());
    CHECK(sign_in->route == Route::SignIn);
    CHECK(admit(head(Verb::put, "/api/v1/session"), with, "none").error().status == 405);
    CHECK(admit(head(Verb::post, "/api/v1/session"), settings, "none").error().status == 401);
}

TEST_CASE("a change by cookie comes from a page of ours, and says so", "[http]") {
    GuardSettings with = settings;
    with.has_sign_in = true;
    Head request = head(Verb::post, "/api/v1/announce");
    request.set(Field::cookie, "__Host-gridd=0123");
    CHECK(admit(request, with, "none").error().code == "foreign-origin");
    request.set(Field::origin, "https://evil.example");
    CHECK(admit(request, with, "none").error().code == "foreign-origin");
    request.set(Field::origin, "https://grid.example:8443");
    request.set("X-CSRF-Token", "abc");
    const auto admitted = admit(request, with, "none");
    REQUIRE(admitted.has_value());
    CHECK(admitted->csrf == "abc");
    request.set("Sec-Fetch-Site", "same-site");
    CHECK(admit(request, with, "none").error().code == "foreign-origin");
    Head read = head(Verb::get, "/api/v1/status");
    read.set(Field::cookie, "__Host-gridd=0123");
    read.set("Sec-Fetch-Site", "cross-site");
    CHECK(admit(read, with, "none").error().code == "foreign-origin");
}

}   // namespace http_guard_test
