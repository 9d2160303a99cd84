// server/cluster/standing.hpp: whether the others wait for this member, and it may take requests.
#pragma once

#include <chrono>
#include <optional>

namespace grid::server::cluster {

/// An answer that takes rights away waits for each member that etcd knows, and the log is kept for
/// each. One that cannot follow, as on a full disk, keeps its lease and would hold up both without
/// end. So it says in its record that nobody needs to wait for it, and takes no requests until the
/// others can know again that they have to wait. Pure; one thread.
class Standing {
public:
    using TimePoint = std::chrono::steady_clock::time_point;

    explicit Standing(std::chrono::milliseconds max_staleness) : max_staleness_(max_staleness) {}

    /// The member follows the log, and is to take requests as soon as the others wait for it.
    void begin();
    /// The member's record in etcd, as it was read by now. Others read the records behind each
    /// change that takes rights away: they wait for this member, or it has heard of the change.
    void recorded(bool is_waited_for, TimePoint now);
    /// The member's lease ended, and the record with it.
    void lost();
    /// `heard`: it knew all that was committed by then. True: its record is to say that it is
    /// waited for.
    bool look(TimePoint now, TimePoint heard);
    /// The others wait for it: it may take requests.
    bool is_in() const { return is_in_; }
    /// Whether it has taken requests since its start.
    bool has_been_in() const { return has_been_in_; }

private:
    const std::chrono::milliseconds max_staleness_;
    bool has_begun_ = false, is_wanted_ = false, is_in_ = false, has_been_in_ = false;
    bool is_recorded_ = false;
    std::optional<TimePoint> seen_;   // since when the record says so
};

}   // namespace grid::server::cluster
