// server/gridctl/xmpp/back_off.hpp: how long a client waits before it connects again. Pure.
#pragma once

#include <algorithm>
#include <cstdint>

namespace grid::gridctl::xmpp {

/// Twice as long each time, up to half a minute, and by up to a half longer: clients that were cut
/// off together do not come back together.
class BackOff {
public:
    static constexpr std::int64_t first_ms = 200, last_ms = 30'000;

    /// `chance`: any number, from which the part that differs is made.
    std::int64_t next_ms(std::uint32_t chance) {
        const std::int64_t wait = wait_ms_;
        wait_ms_ = std::min(2 * wait_ms_, last_ms);
        return wait + static_cast<std::int64_t>(chance % 1000U) * (wait / 2) / 1000;
    }
    void reset() { wait_ms_ = first_ms; }

private:
    std::int64_t wait_ms_ = first_ms;
};

}   // namespace grid::gridctl::xmpp
