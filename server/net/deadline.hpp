// server/net/deadline.hpp: an operation that ends in time, whatever the peer does.
#pragma once

#include <boost/asio.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <chrono>

namespace grid::server::net {

namespace asio = boost::asio;
/// Errors as values: so that `||` is "first to finish" and nothing throws through a session.
inline constexpr auto no_throw = asio::as_tuple(asio::use_awaitable);

}   // namespace grid::server::net
