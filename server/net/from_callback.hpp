// server/net/from_callback.hpp: waits in a coroutine for a callback that another strand makes.
#pragma once

#include <atomic>
#include <boost/asio.hpp>
#include <functional>
#include <memory>
#include <utility>

namespace grid::server::net {

/// `co_await from_callback<T>(start)`: calls `start(done)`, resumes on the coroutine's own strand
/// with what `done` was given. `done` may be called from any thread, once.
template <class T, class Start>
boost::asio::awaitable<T> from_callback(Start start) {
    namespace asio = boost::asio;
    return asio::async_initiate<const asio::use_awaitable_t<>, void(T)>(
        [start = std::move(start)](auto handler) mutable {
            auto shared = std::make_shared<decltype(handler)>(std::move(handler));
            start([shared](T value) {
                auto executor = asio::get_associated_executor(*shared);
                asio::defer(executor, [shared, value = std::move(value)]() mutable {
                    std::move (*shared)(std::move(value));
                });
            });
        },
        asio::use_awaitable
    );
}

/// A call that is made once, on any thread, and that one coroutine waits for, more than once if it
/// likes. Where it was made before the coroutine comes to wait, the coroutine goes on without a
/// turn of its strand.
class Called {
public:
    void operator()() {
        if (state_.exchange(State::Made) == State::Awaited) resume_();
    }
    bool is_made() const { return state_ == State::Made; }
    static boost::asio::awaitable<void> wait(std::shared_ptr<Called> self) {
        if (self->is_made()) co_return;
        co_await from_callback<bool>([&self](auto done) {
            self->resume_ = [done] { done(true); };
            auto open = State::Open;
            if (!self->state_.compare_exchange_strong(open, State::Awaited)) self->resume_();
        });
    }

private:
    enum class State { Open, Awaited, Made };
    std::atomic<State> state_ = State::Open;
    std::function<void()> resume_;   // before Awaited
};

}   // namespace grid::server::net
