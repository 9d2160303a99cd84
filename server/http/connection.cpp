// server/http/connection.cpp: reads requests one after the other and answers each before the
// next.
#include "server/http/connection.hpp"

#include <algorithm>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/json.hpp>

#include "controller/text/strict.hpp"
#include "server/bosh/manager.hpp"
#include "server/c2s/acceptor.hpp"
#include "server/clock.hpp"
#include "server/http/answer.hpp"
#include "server/http/limits.hpp"
#include "server/http/pages/console.hpp"
#include "server/http/pages/host_meta.hpp"
#include "server/http/request_form.hpp"
#include "server/http/upgrade.hpp"
#include "server/net/from_callback.hpp"
#include "server/stream/websocket_codec.hpp"
#include "server/tls/revocation/vetting.hpp"

namespace grid::server::http {

namespace beast = boost::beast;
using boost::system::error_code;
using net::no_throw;

namespace {

/// The text of a problem that the grid answered with.
std::string error_text(const std::string& body) {
    error_code malformed;
    const auto value = boost::json::parse(body, malformed);
    const auto* members = malformed ? nullptr : value.if_object();
    const auto* text = members == nullptr ? nullptr : members->if_contains("detail");
    return text != nullptr && text->is_string() ? std::string(text->get_string()) : std::string();
}

constexpr std::uint64_t sign_in_bytes_max = 8 * 1024;

controller::HttpResponse malformed_sign_in() {
    return controller::http_error(
        400, "malformed-request",
        "expected {\"account\", \"password\", \"code\"}, three texts, none of them empty"
    );
}

/// The text of that name, where the object has it.
std::string text_in(const boost::json::object& object, std::string_view name) {
    const auto* value = object.if_contains(name);
    return value != nullptr && value->is_string() ? std::string(value->get_string())
                                                  : std::string();
}

/// RFC 9110 §5.3: several are one list.
std::string tags_in(const Head& head, beast::http::field field) {
    std::string list;
    const auto [first, last] = head.equal_range(field);
    for (auto at = first; at != last; ++at) {
        if (!list.empty()) list += ", ";
        list.append(at->value().data(), at->value().size());
    }
    return list;
}

}   // namespace

Connection::Connection(
    std::shared_ptr<ServerShared> shared,
    net::Socket socket,
    std::string peer,
    std::shared_ptr<net::Entrance::Place> place
)
    : shared_(std::move(shared)),
      strand_(socket.get_executor()),
      stream_(std::move(socket)),
      peer_(std::move(peer)),
      place_(std::move(place)) {}

Connection::~Connection() { shared_->leave(this); }

asio::awaitable<void> Connection::run(std::shared_ptr<Connection> self) {
    if (!self->shared_->enter(self.get())) co_return self->stream_.abort();
    // A fault that we do not understand takes the connection down, never the process.
    try {
        co_await self->talk();
    } catch (const std::exception& fault) {
        self->shared_->log.error(
            "http_connection_failed", {{"peer", self->peer_}, {"reason", fault.what()}}
        );
        self->stream_.abort();
    }
}

asio::awaitable<void> Connection::talk() {
    if (!co_await shake_hands()) co_return stream_.abort();
    while (co_await wait_for_request() && co_await serve()) {
    }
    if (is_handed_over_) co_return;
    co_await stream_.close(goodbye_seconds_max);
}

void Connection::displace() {
    asio::post(strand_, [self = shared_from_this()] {
        if (self->is_handed_over_) return;
        self->is_winding_up_ = true;
        self->stream_.abort();
        self->place_->close();
    });
}

void Connection::wind_up() {
    asio::post(strand_, [self = shared_from_this()] {
        self->is_winding_up_ = true;
        if (self->is_idle_) self->stream_.abort();
        if (self->listening_) self->listening_->end();
    });
}

Connection::Watchdog Connection::watchdog(std::chrono::milliseconds deadline) {
    return Watchdog(strand_, deadline, [weak = weak_from_this()] {
        if (auto self = weak.lock()) self->stream_.abort();
    });
}

asio::awaitable<bool> Connection::shake_hands() {
    {
        // The first byte of the peer tells it from a silent one.
        auto watch = watchdog(handshake_seconds_max);
        const auto [silent] = co_await stream_.wait_readable();
        if (silent && watch.has_expired())
            shared_->log.fold(
                Level::Warn, "http_handshake_failed",
                {{"peer", peer_}, {"reason", "TLS was not begun in time"}}
            );
        if (silent) co_return false;
    }
    place_->begin();
    const error_code error = co_await stream_.handshake(shared_->tls, handshake_seconds_max);
    if (error) {
        if (!is_winding_up_)
            shared_->log.fold(
                Level::Warn, "http_handshake_failed",
                {{"peer", peer_}, {"reason", stream_.failure()}}
            );
        co_return false;
    }
    presented_ = co_await shared_->vetting.vet(stream_);
    co_return true;
}

/// The first byte of a request may take its time, except on a new connection, whose client has not
/// shown yet that it wants to ask anything.
asio::awaitable<bool> Connection::wait_for_request() {
    if (is_winding_up_) co_return false;
    skip_empty_line();
    if (buffer_.size() > 0) co_return true;   // sent behind the last one
    const auto patience = is_first_   ? header_seconds_max
                          : is_known_ ? idle_seconds_max
                                      : stranger_idle_seconds_max;
    is_first_ = false;
    is_idle_ = true;
    auto watch = watchdog(patience);
    auto [error, size] = co_await stream_.async_read_some(buffer_.prepare(4096), no_throw);
    is_idle_ = false;
    buffer_.commit(size);
    skip_empty_line();
    co_return !error;
}

/// RFC 9112 §2.2: clients of old send one behind the content.
void Connection::skip_empty_line() {
    const auto data = buffer_.data();
    const std::string_view ahead(static_cast<const char*>(data.data()), data.size());
    if (ahead.starts_with("\r\n")) buffer_.consume(2);
}

/// Of all requests but those about files.
error_code Connection::limit_body(Parser& parser) const {
    const std::uint64_t most = shared_->config.limits.http_body_bytes_max;
    parser.body_limit(most);
    const auto length = parser.content_length();
    return length && *length > most ? beast::http::error::body_limit : error_code();
}

asio::awaitable<bool> Connection::serve() {
    Parser parser;
    parser.header_limit(header_bytes_max);
    parser.body_limit(boost::none);   // until the route is known: files are larger
    error_code error;
    {
        auto watch = watchdog(header_seconds_max);
        auto [failed, size] =
            co_await beast::http::async_read_header(stream_, buffer_, parser, no_throw);
        error = failed;
    }
    if (error && !to_refusal(error)) co_return false;
    std::optional<Refusal> malformed;
    if (!error) malformed = to_origin_form(parser.get(), "https");
    auto admitted = admit(parser.get(), shared_->guard, no_identity(), no_client());
    const bool is_bulk = admitted && admitted->route == Route::Bulk;
    if (!error && !is_bulk) error = limit_body(parser);
    const auto refusal = error ? to_refusal(error) : std::nullopt;
    // A stanza that is too large is refused in XMPP's own terms, before its first byte.
    if (refusal && refusal->status == 413 && admitted && admitted->route == Route::Bosh)
        co_return co_await send(to_bytes(bosh_answer(parser, *refusal), now())) && false;
    if (refusal) co_return co_await refuse(parser, *refusal);
    if (malformed) co_return co_await refuse(parser, *malformed);
    if (!admitted) co_return co_await refuse(parser, admitted.error());
    if (admitted->route == Route::WebSocket) co_return co_await become_websocket(parser);
    if (is_bulk && admitted->path == controller::bulk::history_path)
        co_return co_await serve_history(parser, *admitted);
    if (is_bulk) co_return co_await serve_file(parser, *admitted);
    auto answer = co_await answer_to(parser, *admitted);
    if (!answer) co_return false;
    if (!answer->backup.empty())
        co_return co_await send_archive(parser, std::move(*answer), *admitted);
    const bool is_about_events = answer->type == controller::rest::event_stream_type;
    if (is_about_events && !answer->is_head) co_return co_await serve_events(parser, *admitted);
    if (is_about_events) answer->is_chunked = true;   // as with GET, there is no length
    const bool keeps = stays_after(parser);
    answer->keeps_alive = keeps;
    co_return co_await send(to_bytes(*answer, now())) && keeps;
}

asio::awaitable<bool> Connection::refuse(Parser& parser, Refusal refusal) {
    if (refusal.status != 204) log(parser, refusal.status, refusal.text);
    Answer answer = to_answer(refusal);
    answer.is_head = parser.get().method() == beast::http::verb::head;
    answer.keeps_alive = !refusal.closes && stays_after(parser);
    const bool keeps = answer.keeps_alive;
    co_return co_await send(to_bytes(answer, now())) && keeps;
}

asio::awaitable<Connection::MaybeAnswer> Connection::answer_to(Parser& parser, Admitted request) {
    const bool is_head = request.is_head;
    Answer answer;
    if (request.route == Route::Health) {
        answer.body = R"({"status":"ok"})";
    } else if (request.route == Route::Ready) {
        answer = to_answer(shared_->backend.ready());
    } else if (request.route == Route::HostMeta || request.route == Route::HostMetaJson) {
        answer = host_meta(parser, request.route == Route::HostMetaJson);
    } else if (request.route == Route::File) {
        if (!is_served()) co_return std::nullopt;
        answer = file(parser, request.path);
    } else if (request.route == Route::Console) {
        answer = console(parser, request.path);
    } else if (request.route == Route::Metrics) {
        auto asked = co_await ask_metrics(parser, request);
        if (!asked) co_return std::nullopt;
        answer = std::move(*asked);
    } else if (request.route == Route::SignIn) {
        auto asked = co_await ask_sign_in(parser, request);
        if (!asked) co_return std::nullopt;
        answer = std::move(*asked);
    } else if (request.route == Route::Bosh) {
        auto asked = co_await ask_bosh(parser);
        if (!asked) co_return std::nullopt;
        answer = std::move(*asked);
    } else {
        auto asked = co_await ask_backend(parser, std::move(request));
        if (!asked) co_return std::nullopt;
        answer = std::move(*asked);
    }
    answer.is_head = is_head;
    co_return answer;
}

asio::awaitable<error_code> Connection::read_body(Parser& parser) {
    if (parser.is_done()) co_return error_code();
    // RFC 9110 §10.1.1: not needed when part of the body is here already.
    if (awaits_continue(parser.get()) && buffer_.size() == 0 &&
        !co_await send("HTTP/1.1 100 Continue\r\n\r\n"))
        co_return beast::http::error::end_of_stream;
    // RFC 9110 §6.5.1: what stands behind the content is no part of the head. The parser adds it.
    std::optional<Head> head;
    if (parser.chunked()) head = parser.get().base();
    auto watch = watchdog(body_seconds_max);
    auto [error, size] = co_await beast::http::async_read(stream_, buffer_, parser, no_throw);
    if (head) parser.get().base() = std::move(*head);
    co_return error;
}

asio::awaitable<Connection::MaybeAnswer> Connection::ask_backend(Parser& parser, Admitted request) {
    if (expects_more(parser.get()))
        co_return to_answer({417, "expectation-failed", "only 100-continue can be expected", {}});
    const std::string method = request.method;
    auto asker = co_await who_asks(request);
    if (auto* refused = std::get_if<0>(&asker))
        co_return take_response(parser, method, std::move(*refused));
    if (const error_code error = co_await read_body(parser)) {
        const auto refusal = to_refusal(error);
        if (!refusal) co_return std::nullopt;
        log(parser, refusal->status, refusal->text);
        co_return to_answer(*refusal);
    }
    auto& client = std::get<1>(asker);
    controller::HttpRequest forwarded{
        std::move(request.method),
        std::move(request.path),
        std::move(request.query),
        std::move(parser.get().body()),
        tags_in(parser.get(), beast::http::field::if_match),
        tags_in(parser.get(), beast::http::field::if_none_match)
    };
    auto response = co_await net::from_callback<controller::HttpResponse>(
        [this, &client, forwarded = std::move(forwarded)](HttpBackend::Done done) mutable {
            // Kept, since a fault before it is called would leave the client without an answer.
            const auto answer = done;
            try {
                shared_->backend.api(
                    std::move(forwarded), std::move(client.principal), std::move(client.identity),
                    std::move(done)
                );
            } catch (const std::exception& fault) {
                shared_->log.error(
                    "http_request_failed", {{"peer", peer_}, {"reason", fault.what()}}
                );
                answer(
                    controller::http_error(500, "internal-server-error", "the server has a fault")
                );
            }
        }
    );
    co_return take_response(parser, method, std::move(response));
}

asio::awaitable<Connection::MaybeAnswer> Connection::ask_metrics(
    Parser& parser, const Admitted& request
) {
    auto asker = co_await who_asks(request);
    if (auto* refused = std::get_if<0>(&asker))
        co_return take_response(parser, "GET", std::move(*refused));
    auto response = co_await net::from_callback<controller::HttpResponse>([&](auto done) {
        shared_->backend.metrics(std::move(std::get<1>(asker)), std::move(done));
    });
    co_return take_response(parser, "GET", std::move(response));
}

SignInQuestion Connection::sign_in_question(const Admitted& request, bool is_use) const {
    return {request.token, request.csrf, request.method != "GET", peer_, is_use};
}

/// A cookie that is none any more does not keep an administrator's certificate from asking.
asio::awaitable<Connection::AskerAnswer> Connection::who_asks(
    const Admitted& request, bool is_use
) {
    signed_in_.clear();
    const bool has_identity = no_identity().empty();
    if (!request.token.empty()) {
        auto found = co_await net::from_callback<SignInAnswer>([&](auto done) {
            shared_->backend.find_sign_in(sign_in_question(request, is_use), std::move(done));
        });
        if (auto* client = std::get_if<1>(&found)) {
            signed_in_ = client->principal.jid.str();
            co_return HttpBackend::Asker{std::move(client->principal), std::move(client->identity)};
        }
        auto& refused = std::get<0>(found);
        if (refused.status != 401 || !has_identity) co_return std::move(refused);
    }
    co_return HttpBackend::Asker{
        principal(), tls::to_identity(presented_, presented_.identities.front())
    };
}

asio::awaitable<std::optional<controller::HttpResponse>> Connection::refused_by_now(
    const Admitted& request, controller::Act act
) {
    if (const auto why = no_identity(); !why.empty() && request.token.empty())
        co_return controller::http_error(401, "certificate-required", why);
    auto asker = co_await who_asks(request, false);
    if (auto* refused = std::get_if<0>(&asker)) co_return std::move(*refused);
    auto& client = std::get<1>(asker);
    auto response = co_await net::from_callback<controller::HttpResponse>([&](auto done) {
        shared_->backend.ask_right(std::move(client), act, std::move(done));
    });
    // A store that takes no writes, say, is no reason to break off.
    if (response.status != 401 && response.status != 403) co_return std::nullopt;
    co_return response;
}

asio::awaitable<std::variant<controller::HttpResponse, SignInRequest>> Connection::read_sign_in(
    Parser& parser, const Admitted& request
) {
    if (parser.content_length().value_or(0) > sign_in_bytes_max) co_return malformed_sign_in();
    parser.body_limit(sign_in_bytes_max);
    if (co_await read_body(parser)) co_return malformed_sign_in();
    const auto object = controller::parse_object(parser.get().body());
    if (!object) co_return controller::http_error(400, "malformed-request", object.error());
    if (object->size() != 3) co_return malformed_sign_in();
    SignInRequest wish;
    wish.account = text_in(*object, "account");
    wish.password = text_in(*object, "password");
    wish.code = text_in(*object, "code");
    if (wish.account.empty() || wish.password.empty() || wish.code.empty())
        co_return malformed_sign_in();
    wish.address = peer_;
    wish.former = request.token;
    co_return wish;
}

asio::awaitable<Connection::MaybeAnswer> Connection::ask_sign_in(
    Parser& parser, const Admitted& request
) {
    signed_in_.clear();
    controller::HttpResponse response;
    if (request.method == "POST") {
        auto wish = co_await read_sign_in(parser, request);
        if (auto* refused = std::get_if<0>(&wish))
            response = std::move(*refused);
        else
            response = co_await net::from_callback<controller::HttpResponse>([&](auto done) {
                shared_->backend.sign_in(std::move(std::get<1>(wish)), std::move(done));
            });
    } else {
        response = co_await net::from_callback<controller::HttpResponse>([&](auto done) {
            if (request.method == "GET")
                shared_->backend.show_sign_in(sign_in_question(request), std::move(done));
            else
                shared_->backend.sign_out(sign_in_question(request), std::move(done));
        });
    }
    co_return take_response(parser, request.method, std::move(response));
}

Answer Connection::take_response(
    const Parser& parser, const std::string& method, controller::HttpResponse response
) {
    const auto status = static_cast<unsigned>(response.status);
    // Only an administrator gets more than a refusal (a path that does not exist is refused to
    // all). A place that was lost meanwhile is lost.
    if (status < 400) is_known_ = place_->keep();
    if (method != "GET" || status == 401 || status == 403)
        log(parser, status, status < 400 ? std::string() : error_text(response.body));
    Answer answer;
    answer.status = status;
    answer.body = std::move(response.body);
    answer.type = std::move(response.type);
    answer.backup = std::move(response.backup);
    answer.headers = std::move(response.headers);
    return answer;
}

bool Connection::is_served() { return is_known_ = place_->keep(); }

/// Faults of the content are said in its own terms, with status 200 (XEP-0124 §17.2).
Answer Connection::bosh_answer(const Parser& parser, const Refusal& refusal) const {
    log(parser, refusal.status, refusal.text);
    Answer answer = bosh_answer(parser);
    answer.body = bosh::write_end(refusal.status == 413 ? "policy-violation" : "bad-request");
    return answer;
}

Answer Connection::bosh_answer(const Parser& parser) const {
    Answer answer;
    answer.type = "text/xml; charset=utf-8";
    answer.headers = cors_headers(parser.get());
    return answer;
}

asio::awaitable<Connection::MaybeAnswer> Connection::ask_bosh(Parser& parser) {
    if (!is_served()) co_return std::nullopt;
    if (const error_code error = co_await read_body(parser)) {
        const auto refusal = to_refusal(error);
        if (!refusal) co_return std::nullopt;
        co_return bosh_answer(parser, *refusal);
    }
    Answer answer = bosh_answer(parser);
    answer.body = co_await net::from_callback<std::string>([this, &parser](auto done) {
        try {
            shared_->bosh->take(parser.get().body(), presented_, peer_, strand_, done);
        } catch (const std::exception& fault) {
            shared_->log.error("http_request_failed", {{"peer", peer_}, {"reason", fault.what()}});
            done(bosh::write_end("internal-server-error"));
        }
    });
    co_return answer;
}

asio::awaitable<bool> Connection::send(std::string bytes) {
    auto watch = watchdog(is_known_ ? answer_seconds_max : stranger_answer_seconds_max);
    auto [error, size] = co_await asio::async_write(stream_, asio::buffer(bytes), no_throw);
    co_return !error;
}

asio::awaitable<bool> Connection::become_websocket(Parser& parser) {
    auto agreed = accept_websocket(parser.get());
    if (!agreed) co_return co_await refuse(parser, agreed.error());
    if (!parser.is_done())
        co_return co_await refuse(
            parser, {400, "bad-request", "the request for a WebSocket has no body", {}, true}
        );
    std::string reason;
    auto place = shared_->acceptor->enter(peer_, reason);
    if (!place) co_return co_await refuse(parser, {503, "resource-constraint", reason, {}, true});
    place->begin();
    log(parser, 101, {});
    if (!co_await send(std::move(*agreed)) || is_winding_up_) co_return false;
    hand_over(std::move(place));
    co_return false;
}

void Connection::hand_over(std::shared_ptr<net::Entrance::Place> place) {
    const auto& config = shared_->config;
    c2s::Carrier carrier;
    carrier.kind = TransportKind::WebSocket;
    carrier.early = beast::buffers_to_string(buffer_.data());
    carrier.presented = presented_;
    if (config.sasl.passwords || config.sasl.token_days > 0)
        carrier.bindings = net::channel_bindings(stream_.ssl());
    carrier.codec =
        std::make_unique<stream::WebSocketCodec>(config.domain, config.limits.before_login());
    is_handed_over_ = true;
    carrier.channel = std::make_unique<net::TlsStream>(std::move(stream_));
    place_.reset();   // the connection is counted as a stream now
    shared_->acceptor->adopt(std::move(carrier), peer_, std::move(place));
}

/// XEP-0156. By the name and port that the client has reached this server with.
Answer Connection::host_meta(const Parser& parser, bool is_json) const {
    const auto host = parser.get()[beast::http::field::host];
    return http::host_meta(
        host.empty() ? shared_->config.domain : std::string(host.data(), host.size()),
        shared_->guard, is_json
    );
}

Answer Connection::file(const Parser& parser, const std::string& path) const {
    const auto known = parser.get()[beast::http::field::if_none_match];
    return shared_->files.answer(path, {known.data(), known.size()});
}

/// No place is taken for it: the browser of a stranger stays a stranger's.
Answer Connection::console(const Parser& parser, const std::string& path) const {
    const auto known = parser.get()[beast::http::field::if_none_match];
    return http::console(path, {known.data(), known.size()});
}

/// Empty when the certificate says who asks.
std::string Connection::no_client() const {
    const auto& p = presented_;
    if (!p.present) return "a client certificate is needed, issued by a CA that this grid trusts";
    if (!p.can_log_in()) return "the client certificate is refused: " + p.reason;
    if (p.valid_until < now())
        return "the client certificate has expired since the connection was made";
    if (auto why = shared_->vetting.revoked_since(p.path); !why.empty())
        return "the client certificate is refused: " + why;
    return "";
}

/// Empty when the certificate says which administrator asks.
std::string Connection::no_identity() const {
    const auto& p = presented_;
    if (!p.present)
        return "a client certificate is needed, of an account of administration, issued by a CA "
               "that "
               "this grid trusts";
    if (auto why = no_client(); !why.empty()) return why;
    // A name that comes from a mapping rule must never be an administrator's, and REST is for
    // administrators only.
    if (p.is_mapped) return "administration needs a certificate with an id-on-xmppAddr";
    if (p.identities.size() == 1) return "";
    return "the client certificate names " + std::to_string(p.identities.size()) +
           " accounts; here it must be one that names exactly one";
}

pubsub::Principal Connection::principal() const {
    pubsub::Principal principal;
    principal.jid = presented_.identities.front();
    principal.origin = pubsub::Origin::Http;
    principal.address = peer_;
    principal.issuer =
        controller::authorities_text(tls::to_identity(presented_, presented_.identities.front()));
    return principal;
}

void Connection::log(const Parser& parser, unsigned status, const std::string& reason) const {
    const auto& head = parser.get();
    const std::string method(head.method_string()), target(head.target());
    const std::string account = !signed_in_.empty() ? signed_in_
                                : presented_.identities.size() == 1
                                    ? presented_.identities.front().str()
                                    : "";
    const bool is_suspicious = status == 401 || status == 403 || status == 421;
    // A sign-in that was refused is on record already, with the account that was named.
    const bool is_sign_in = method == "POST" && target == "/api/v1/session";
    if ((status == 401 || status == 403) && !is_sign_in)
        shared_->backend.refused(
            account, peer_, status == 401 ? "certificate-required" : "forbidden",
            method + " " + target.substr(0, target.find('?')) +
                (reason.empty() ? "" : ": " + reason)
        );
    const std::string path = target.substr(0, target.find('?'));
    if (status < 400)
        return shared_->log.info(
            "http_request", {{"peer", peer_},
                             {"account", account},
                             {"method", method},
                             {"path", path},
                             {"status", std::to_string(status)}}
        );
    shared_->log.fold(
        is_suspicious ? Level::Warn : Level::Info, "http_refused",
        {{"peer", peer_},
         {"account", account},
         {"method", method},
         {"path", path},
         {"status", std::to_string(status)},
         {"reason", reason.empty() ? "no reason was given" : reason}}
    );
}

}   // namespace grid::server::http
