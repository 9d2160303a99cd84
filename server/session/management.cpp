// server/session/management.cpp: when a client is asked to acknowledge.
#include "server/session/management.hpp"

#include <algorithm>

namespace grid::server {

namespace {
/// An answer costs as much as a few deliveries.
constexpr std::uint64_t stanzas_per_request = 256;
constexpr std::size_t bytes_per_request = 256UL * 1024;
/// Of its budget a session with a small one is asked at that part.
constexpr std::size_t part_per_request = 16;
}   // namespace

bool Management::should_ask() const {
    if (is_asked_ || unacked.is_all_acknowledged()) return false;
    return unacked.sent() - sent_when_asked_ >= stanzas_per_request ||
           unacked.bytes() >= std::min(bytes_per_request, unacked.bytes_max() / part_per_request);
}

void Management::asked(Clock::time_point now) {
    is_asked_ = true;
    asked_at_ = now;
    sent_when_asked_ = unacked.sent();
}

}   // namespace grid::server
