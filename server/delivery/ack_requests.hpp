// server/delivery/ack_requests.hpp: clients that have not acknowledged what they were sent are
// asked to.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>

#include "server/session/session.hpp"

namespace grid::server {

/// Sessions with stream management that were sent something. About once a second each one that has
/// not acknowledged all is asked with `<r/>` (XEP-0198 §4), so that an idle client's position is
/// exact; a transport on which no answer comes in time is closed, and its session may be resumed.
/// Core strand.
class AckRequests {
public:
    using Clock = std::chrono::steady_clock;

    explicit AckRequests(std::chrono::seconds patience) : patience_(patience) {}

    void watch(const SessionPtr& session);
    /// Called every 100 ms or more often. `ask` sends `<r/>`.
    using Ask = std::function<void(const SessionPtr& session)>;
    void tick(Clock::time_point now, const Ask& ask);

private:
    /// False: there is nothing to ask for.
    bool look_at(const SessionPtr& session, Clock::time_point now, const Ask& ask) const;

    std::chrono::seconds patience_;
    std::deque<std::weak_ptr<Session>> watched_;
    std::size_t round_ = 0;   // of watched_, still to be looked at in this round
    Clock::time_point next_round_;
};

}   // namespace grid::server
