// server/process/leave_watch.hpp: a member that leaves its cluster stops when its clients are gone.
#pragma once

#include <boost/asio.hpp>
#include <chrono>
#include <cstdint>
#include <memory>

#include "server/cluster/cluster.hpp"
#include "server/core/core.hpp"
#include "server/log.hpp"
#include "server/process/stopper.hpp"

namespace grid::server {

/// Looks several times a second at what is still there, and tells the cluster. The server stops
/// when nothing is, or when nothing has moved for half a minute: a client that lost its network
/// would else hold it up as long as its session can be resumed. A member that joins again stays,
/// and so does one while no other member takes clients.
/// On the core strand, except `begin`.
class LeaveWatch : public std::enable_shared_from_this<LeaveWatch> {
public:
    LeaveWatch(
        boost::asio::io_context& context,
        cluster::Cluster& cluster,
        Core& core,
        Stopper& stopper,
        Log& log
    )
        : timer_(context), cluster_(cluster), core_(core), stopper_(stopper), log_(log) {}

    /// Any thread.
    void begin();

private:
    using Clock = std::chrono::steady_clock;
    /// A change of any of these is a movement.
    struct Left {
        std::size_t sessions = 0, hibernating = 0, transfers = 0;
        std::uint64_t bytes = 0;
        bool leads = false;
        auto operator<=>(const Left&) const = default;
        bool is_nothing() const { return sessions == 0 && transfers == 0 && !leads; }
    };

    Left look_around() const;
    void look();
    void rest();
    void end();
    void say(const Left& left, bool is_last);

    boost::asio::steady_timer timer_;
    cluster::Cluster& cluster_;
    Core& core_;
    Stopper& stopper_;
    Log& log_;
    bool is_on_ = false;
    Left left_;
    Clock::time_point moved_, said_, may_leave_since_;
};

}   // namespace grid::server
