// server/net/channel.hpp: a connection to one peer, whatever carries its bytes.
#pragma once

#include <boost/asio.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <tuple>

#include "server/net/byte_sink.hpp"

namespace grid::server::net {

using Strand = boost::asio::strand<boost::asio::io_context::executor_type>;

/// Waits for bytes, on the connection's strand.
class Reader {
public:
    /// There may be something to read, or the wait was cancelled.
    virtual void on_readable() = 0;

protected:
    ~Reader() = default;
};

/// Every member runs on the connection's strand. At most one read and one write wait at a time.
class Channel : public ByteSink {
public:
    virtual Strand strand() = 0;
    /// Read until `would_block` before waiting: bytes may be held of which the socket knows
    /// nothing.
    virtual Now read_now(std::span<char> into) = 0;
    /// Not coroutines of their own, which would have frames. `auto [error] = co_await …`.
    using Waited = boost::asio::awaitable<std::tuple<boost::system::error_code>>;
    virtual Waited wait_readable() = 0;
    virtual Waited wait_writable() = 0;
    /// For a client that says nothing, as long as it is there: the frames of a coroutine and of
    /// its callers would be 2.5 KiB.
    virtual void when_readable(std::shared_ptr<Reader> reader) = 0;
    /// Calls `then` when there may be room for more, or the wait was cancelled.
    virtual void when_writable(std::function<void()> then) = 0;
    /// Everything that waits returns; the connection goes on.
    virtual void cancel() = 0;
    /// Why the last operation failed, for the log; never empty after a failure.
    virtual const std::string& failure() const = 0;
    /// `close` follows at once upon what is written from now on: both may leave in one packet.
    virtual void ends_soon() {}
    /// Ends our side, and waits within the deadline until the peer has ended its own. True: it
    /// did, so it has read all that was sent.
    virtual boost::asio::awaitable<bool> close(std::chrono::milliseconds deadline) = 0;
    /// At once and without a word; everything that waits fails.
    virtual void abort() = 0;
};

}   // namespace grid::server::net
