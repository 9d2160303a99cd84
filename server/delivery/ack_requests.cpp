// server/delivery/ack_requests.cpp: see server/delivery/ack_requests.hpp.
#include "server/delivery/ack_requests.hpp"

#include <utility>

namespace grid::server {

namespace {
constexpr std::size_t looks_per_tick_max = 2000;
constexpr auto round_every = std::chrono::seconds(1);
}   // namespace

void AckRequests::watch(const SessionPtr& session) {
    if (!std::exchange(session->management->is_watched, true)) watched_.push_back(session);
}

void AckRequests::tick(Clock::time_point now, const Ask& ask) {
    if (round_ == 0) {
        if (now < next_round_) return;
        next_round_ = now + round_every;
        round_ = watched_.size();
    }
    for (std::size_t looks = 0; round_ != 0 && looks < looks_per_tick_max; ++looks, --round_) {
        const auto session = watched_.front().lock();
        watched_.pop_front();
        if (!session || !session->management) continue;
        if (look_at(session, now, ask))
            watched_.push_back(session);
        else
            session->management->is_watched = false;
    }
}

bool AckRequests::look_at(const SessionPtr& session, Clock::time_point now, const Ask& ask) const {
    Management& management = *session->management;
    if (!session->transport || management.unacked.is_all_acknowledged()) return false;
    if (!management.is_asked()) {
        management.asked(now);
        ask(session);
        return true;
    }
    if (now - management.asked_at() < patience_) return true;
    session->transport->close(xml::StreamError{
        "connection-timeout", "<r/> was not answered in sessions.ack_seconds_max seconds", {}
    });
    return false;
}

}   // namespace grid::server
