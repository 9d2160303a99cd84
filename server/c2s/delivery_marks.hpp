// server/c2s/delivery_marks.hpp: how many of the bytes queued for a peer have reached it.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

namespace grid::server::c2s {

/// Delivery marks: the caller's numbers, each at a place in the stream of outgoing bytes. They are
/// followed from the queue into the socket and, by what TCP has acknowledged, to the peer's
/// machine. Acknowledged bytes may still die unread with the peer's process; they count as read
/// when a receive buffer more was acknowledged after it, or some seconds later.
class DeliveryMarks {
public:
    using Clock = std::chrono::steady_clock;

    /// `queued`: bytes queued so far.
    void add(std::uint64_t number, std::uint64_t queued);
    /// All that was queued up to `queued` is in the socket now, after `sent` bytes of the wire.
    void on_sent(std::uint64_t queued, std::uint64_t sent);
    struct Acked {
        std::uint64_t kernel = 0, application = 0;   // the newest numbers
    };
    /// The peer acknowledged so many bytes of the wire.
    Acked acked(std::uint64_t acknowledged, Clock::time_point now);

private:
    struct Mark {
        std::uint64_t number = 0, queued = 0;
        std::uint64_t sent = 0;                // 0: not in the socket yet
        Clock::time_point acknowledged = {};   // when that was first seen
    };
    std::vector<Mark> marks_;   // in order; the oldest may be the newest that was read
};

}   // namespace grid::server::c2s
