// server/net/deadline.hpp: an operation with a deadline.
#pragma once

#include <boost/asio.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

namespace grid::server::net {

namespace asio = boost::asio;
/// Errors as values: so that `||` is "first to finish" and nothing throws through a session.
inline constexpr auto no_throw = asio::as_tuple(asio::use_awaitable);

/// Runs `expire` on the strand when the time is over, unless it was destroyed before. Cheaper than
/// `within`: no coroutine and no cancellation, so it fits where the expiry closes the socket and
/// whatever waits then fails. Lives on the strand that it is given.
template <class Executor>
class Watchdog {
public:
    Watchdog(
        const Executor& strand, std::chrono::milliseconds deadline, std::function<void()> expire
    )
        : state_(std::make_shared<State>(strand, std::move(expire))) {
        state_->timer.expires_after(deadline);
        state_->timer.async_wait([state = state_](boost::system::error_code) {
            // The handler may be queued already when the watchdog goes: the flag decides, not the
            // error code.
            if (state->is_armed) {
                state->has_expired = true;
                state->expire();
            }
        });
    }
    ~Watchdog() {
        state_->is_armed = false;
        state_->timer.cancel();
    }
    Watchdog(const Watchdog&) = delete;
    Watchdog& operator=(const Watchdog&) = delete;

    bool has_expired() const { return state_->has_expired; }

private:
    using Timer = asio::basic_waitable_timer<
        std::chrono::steady_clock,
        asio::wait_traits<std::chrono::steady_clock>,
        Executor>;
    struct State {
        State(const Executor& strand, std::function<void()> on_expiry)
            : timer(strand), expire(std::move(on_expiry)) {}
        Timer timer;
        std::function<void()> expire;
        bool is_armed = true, has_expired = false;
    };
    std::shared_ptr<State> state_;
};

/// The result of `operation`, or nothing when the deadline came first. The operation is then
/// cancelled, and what it worked on can only be closed: a TLS stream is unusable after a cancelled
/// read or write. `operation` must not throw and everything in it must run on the caller's strand.
template <class T>
asio::awaitable<std::optional<T>> within(
    std::chrono::milliseconds deadline, asio::awaitable<T> operation
) {
    using namespace asio::experimental::awaitable_operators;
    asio::steady_timer timer(co_await asio::this_coro::executor, deadline);
    auto first = co_await (std::move(operation) || timer.async_wait(no_throw));
    if (first.index() == 0) co_return std::get<0>(std::move(first));
    co_return std::nullopt;
}

}   // namespace grid::server::net
