// server/clock.hpp: the two things that a pure function may not take for itself: the time and
// chance.
#pragma once

#include <cstdint>
#include <string>

#include "storage/batch.hpp"

namespace grid::server {

storage::Millis now();
/// Of a clock that does not go back: to see how long something takes.
std::uint64_t monotonic_ms();
/// 128 unpredictable bits as 32 hex digits: stream ids, resources, item ids.
std::string fresh_id();

}   // namespace grid::server
