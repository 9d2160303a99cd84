// server/cluster/link/outbox.hpp: frames that wait to be sent to one member.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>

#include "server/cluster/link/frame.hpp"

namespace grid::server::cluster {

/// Closed until there is a connection, and empty then. Any thread.
class Outbox {
public:
    explicit Outbox(std::size_t bytes_max) : bytes_max_(bytes_max) {}

    /// Wake: it was taken, and the link sleeps: it has to be flushed.
    enum class Pushed { No, Yes, Wake };
    Pushed push(std::uint8_t channel, std::string payload);
    /// The link is awake then.
    void open();
    void close();

    /// Appends to `out` until that has `bytes` or nothing is left. When nothing was there and `out`
    /// is empty the link goes to sleep.
    void take(std::string& out, std::size_t bytes);

    bool is_open() const;
    bool is_empty() const;
    std::size_t queued_bytes() const;

private:
    struct Item {
        std::array<char, frame_head_bytes> head;
        std::string payload;
    };

    const std::size_t bytes_max_;
    mutable std::mutex mutex_;
    std::deque<Item> items_;
    std::size_t front_taken_ = 0;   // bytes of the first item
    std::size_t queued_bytes_ = 0;
    bool is_open_ = false, is_awake_ = false;
};

}   // namespace grid::server::cluster
