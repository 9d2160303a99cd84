// server/process/leave_watch.cpp: see server/process/leave_watch.hpp.
#include "server/process/leave_watch.hpp"

#include <optional>
#include <string>

namespace grid::server {
namespace {

using namespace std::chrono_literals;

constexpr auto look_every = 200ms;
constexpr auto say_every = 5s;
constexpr auto patience = 30s;
/// Others may be asked to leave at the same moment. Each has heard of all by then, and one that had
/// not, and goes, is gone.
constexpr auto others_heard_after = 3s;
/// The bytes of more transfers at a time are not looked at.
constexpr std::size_t transfers_looked_at = 1'000;

}   // namespace

void LeaveWatch::begin() {
    core_.post([self = shared_from_this()] {
        if (self->is_on_) return;
        self->is_on_ = true;
        self->moved_ = self->may_leave_since_ = Clock::now();
        self->said_ = {};
        self->look();
    });
}

LeaveWatch::Left LeaveWatch::look_around() const {
    Left left;
    left.sessions = core_.sessions().size();
    left.hibernating = core_.sessions().hibernating();
    left.transfers = core_.transfers().running_count();
    for (const auto& one : core_.transfers().running(transfers_looked_at)) left.bytes += one.bytes;
    left.leads = cluster_.leads();
    return left;
}

void LeaveWatch::look() {
    if (!cluster_.is_draining()) return end();   // an administrator called it back
    const auto now = Clock::now();
    const Left left = look_around();
    const bool goes = cluster_.may_leave();
    if (!goes) may_leave_since_ = now;
    const bool may_leave = now - may_leave_since_ >= others_heard_after;
    if (left != left_ || !may_leave) moved_ = now;
    left_ = left;
    // From then on its clients go to the others.
    cluster_.tell_leaving(goes ? std::optional(left.sessions + left.transfers) : std::nullopt);
    if ((may_leave && left.is_nothing()) || now - moved_ > patience) {
        say(left, true);
        // The word of it is on its way to the other members.
        return stopper_.stop(false, 1s);
    }
    if (now - said_ >= say_every) {
        said_ = now;
        say(left, false);
    }
    rest();
}

void LeaveWatch::rest() {
    timer_.expires_after(look_every);
    timer_.async_wait([self = shared_from_this()](boost::system::error_code error) {
        if (!error) self->core_.post([self] { self->look(); });
    });
}

void LeaveWatch::end() {
    is_on_ = false;
    cluster_.tell_leaving(std::nullopt);
}

void LeaveWatch::say(const Left& left, bool is_last) {
    log_.info(
        is_last ? "cluster_left" : "cluster_leaving",
        {{"sessions", std::to_string(left.sessions)},
         {"hibernating", std::to_string(left.hibernating)},
         {"transfers", std::to_string(left.transfers)},
         {"leads", left.leads ? "true" : "false"}}
    );
}

}   // namespace grid::server
