// server/http/connection_events.cpp: events are told as they happen (HTML, "Server-sent events").
#include <array>
#include <charconv>

#include "server/clock.hpp"
#include "server/http/connection.hpp"
#include "server/net/from_callback.hpp"

namespace grid::server::http {

namespace {

using EventClock = std::chrono::steady_clock;

constexpr std::size_t event_piece = 64 * 1024;
/// Said to a client that there is nothing to tell: a proxy, or a browser, may give up else.
constexpr auto event_quiet_max = std::chrono::seconds(10);
/// A listener's right is asked for again so often.
constexpr auto event_right_every = std::chrono::seconds(2);
constexpr std::string_view event_quiet = ":\n\n";
/// A browser whose connection was cut comes back after so many milliseconds.
constexpr std::string_view event_greeting = "retry: 2000\n\n";

std::string chunk_of(std::string_view text) {
    std::array<char, 16> size{};
    const auto end = std::to_chars(size.data(), size.data() + size.size(), text.size(), 16).ptr;
    std::string chunk(size.data(), end);
    chunk.append("\r\n").append(text).append("\r\n");
    return chunk;
}

}   // namespace

asio::awaitable<bool> Connection::serve_events(Parser& parser, const Admitted& request) {
    if (parser.get().version() < 11)
        co_return co_await refuse(
            parser, {505, "version-not-supported", "events need HTTP/1.1", {}, true}
        );
    const auto known = parser.get()["Last-Event-ID"];
    auto wish = controller::rest::parse_event_query(request.query, {known.data(), known.size()});
    if (!wish) co_return co_await refuse(parser, {400, "malformed-request", wish.error(), {}});
    auto asker = co_await who_asks(request);
    if (auto* refused = std::get_if<0>(&asker)) {
        const Answer answer = take_response(parser, "GET", std::move(*refused));
        co_return co_await send(to_bytes(answer, now())) && false;
    }
    auto listener = shared_->backend.listen(
        std::get<1>(asker).principal.jid.bare().str(), std::move(*wish),
        [weak = weak_from_this(), strand = strand_] {
            asio::post(strand, [weak] {
                if (const auto self = weak.lock()) self->quiet_.cancel();
            });
        }
    );
    if (!listener)
        co_return co_await refuse(
            parser, {429,
                     "too-many-listeners",
                     "too many clients listen to events already",
                     {},
                     false,
                     "Retry-After: 30\r\n"}
        );
    listening_ = listener;
    Answer head;
    head.type = controller::rest::event_stream_type;
    head.headers = "Transfer-Encoding: chunked\r\nX-Accel-Buffering: no\r\n";
    head.is_chunked = true;
    std::exception_ptr fault;
    try {
        if (co_await send(to_bytes(head, now()) + chunk_of(event_greeting)))
            co_await tell_events(listener, request);
    } catch (...) {
        fault = std::current_exception();
    }
    listening_ = nullptr;
    shared_->backend.leave(listener);
    if (fault) std::rethrow_exception(fault);
    co_return false;
}

/// Until the client is gone, may listen no more, or the server stops.
asio::awaitable<void> Connection::tell_events(live::ListenerPtr listener, const Admitted& request) {
    auto told = EventClock::now(), asked = told;
    while (!listener->is_ended() && !is_winding_up_) {
        const auto time = EventClock::now();
        if (time - asked >= event_right_every) {
            if (const auto refusal = co_await refused_by_now(request, controller::Act::ReadAudit)) {
                co_await send_chunk(*live::make_event("end", refusal->body));
                break;
            }
            asked = EventClock::now();
        }
        std::string text = listener->take(event_piece);
        if (text.empty() && time - told >= event_quiet_max) text = event_quiet;
        if (!text.empty()) {
            if (!co_await send_chunk(std::move(text))) co_return;
            told = EventClock::now();
            continue;
        }
        quiet_.expires_at(std::min(asked + event_right_every, told + event_quiet_max));
        co_await quiet_.async_wait(net::no_throw);
    }
    co_await send("0\r\n\r\n");
}

asio::awaitable<bool> Connection::send_chunk(std::string text) {
    co_return co_await send(chunk_of(text));
}

}   // namespace grid::server::http
