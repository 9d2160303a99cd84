// server/session/management.cpp: when a client is asked to acknowledge.
#include "server/session/management.hpp"

namespace grid::server {

bool Management::should_ask() const {
    if (is_asked_ || unacked.is_all_acknowledged()) return false;
    return unacked.sent() - sent_when_asked_ >= stanzas_per_request ||
           unacked.bytes() >= bytes_per_request;
}

void Management::asked(Clock::time_point now) {
    is_asked_ = true;
    asked_at_ = now;
    sent_when_asked_ = unacked.sent();
}

}   // namespace grid::server
