// server/net/turn.hpp: how long one connection has a thread before others have their turn.
#pragma once

#include <chrono>
#include <cstddef>

namespace grid::server::net {

/// All ready handlers wait in one queue for the reactor's threads, so that a quiet client waits for
/// the turns of those before it, twice: until its socket is looked at, and until its own turn.
/// Eight connections that always have input keep two threads busy for less than a millisecond so.
/// Not synchronized: of one strand.
class Turn {
public:
    using Clock = std::chrono::steady_clock;
    static constexpr std::size_t stanzas_max = 64;
    static constexpr auto time_max = std::chrono::microseconds(200);
    /// Parsed at once, and so the length of work that no look at the clock cuts: about 100
    /// microseconds, however short the stanzas of a read are.
    static constexpr std::size_t parse_tags_max = 256;
    /// Sealed and given to the socket at once, though its peer would take more: about 150
    /// microseconds of work.
    static constexpr std::size_t write_bytes_max = 128 * 1024;
    /// Read and thrown away at once, from a peer that goes on sending when its stream is over.
    static constexpr std::size_t drain_bytes_max = 64 * 1024;

    /// Others have had theirs, or had nothing to do.
    void begin(Clock::time_point now) {
        began_ = now;
        stanzas_ = 0;
    }
    void count_stanza() { ++stanzas_; }
    bool is_over(Clock::time_point now) const {
        return stanzas_ >= stanzas_max || now - began_ >= time_max;
    }

private:
    Clock::time_point began_;
    std::size_t stanzas_ = 0;
};

}   // namespace grid::server::net
