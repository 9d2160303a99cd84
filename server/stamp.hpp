// server/stamp.hpp: the two things that a pure function may not take for itself: the time and
// chance.
#pragma once

#include <string>

#include "storage/batch.hpp"

namespace grid::server {

storage::Millis now();
/// 128 unpredictable bits as 32 hex digits: stream ids, resources, item ids.
std::string fresh_id();

}   // namespace grid::server
