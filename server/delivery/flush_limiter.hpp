// server/delivery/flush_limiter.hpp: how many connections were handed something and have not come
// to it yet.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <utility>

namespace grid::server {

/// A reactor with a thousand writes in its queue keeps every request waiting behind them, at each
/// of its steps. So only a few connections at a time are given their events; those of the others
/// wait where further ones join them, and leave in one write. Any thread.
class FlushLimiter {
public:
    /// `wake` is called, on any thread, when a caller found the wave full and now it is not.
    explicit FlushLimiter(std::function<void()> wake) : wake_(std::move(wake)) {}

    void begin() { ++connections_; }
    void end() {
        if (--connections_ <= room_again && is_awaited_.exchange(false)) wake_();
    }
    /// True: `wake` will be called.
    bool is_saturated() {
        if (connections_ < connections_max) return false;
        is_awaited_ = true;
        // The writes may have finished in between; then no one else would wake the flush.
        return connections_ > room_again || !is_awaited_.exchange(false);
    }

private:
    static constexpr std::size_t connections_max = 64, room_again = 32;
    std::function<void()> wake_;
    std::atomic<std::size_t> connections_ = 0;
    std::atomic<bool> is_awaited_ = false;
};

}   // namespace grid::server
