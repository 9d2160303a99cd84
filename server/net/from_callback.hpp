// server/net/from_callback.hpp: waits in a coroutine for a callback that another strand will
// make.
#pragma once

#include <boost/asio.hpp>
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
                asio::post(executor, [shared, value = std::move(value)]() mutable {
                    std::move (*shared)(std::move(value));
                });
            });
        },
        asio::use_awaitable
    );
}

}   // namespace grid::server::net
