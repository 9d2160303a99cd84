// server/cluster/standing.cpp: see standing.hpp.
#include "server/cluster/standing.hpp"

namespace grid::server::cluster {

namespace {
using namespace std::chrono_literals;

/// A silence that ends by itself soon is no reason to change the record.
constexpr auto patience = 2s;
/// The others look at the records twice a second.
constexpr auto seen_by_all_after = 1s;
}   // namespace

void Standing::begin() { has_begun_ = is_wanted_ = true; }

/// A member that is there alone needs no moment: one that comes finds its record.
void Standing::recorded(bool is_waited_for, bool is_alone, TimePoint now) {
    if (!has_begun_) return;
    is_recorded_ = is_waited_for;
    if (!is_waited_for) {
        seen_.reset();
        is_in_ = false;
    } else if (!seen_) {
        seen_ = now;
    }
    if (is_recorded_ && is_wanted_ && is_alone) enter();
}

void Standing::enter() { is_in_ = has_been_in_ = true; }

void Standing::lost() {
    if (!has_begun_) return;
    is_recorded_ = is_in_ = false;
    seen_.reset();
}

bool Standing::look(TimePoint now, TimePoint heard) {
    if (!has_begun_) return false;
    if (is_wanted_ && now - heard > max_staleness_ + patience) {
        is_wanted_ = is_in_ = false;
    } else if (!is_wanted_ && now - heard <= max_staleness_) {
        is_wanted_ = true;
        seen_.reset();
        if (is_recorded_) seen_ = now;   // as if the record had not been changed meanwhile
    }
    if (is_wanted_ && seen_ && heard >= *seen_ + seen_by_all_after) enter();
    return is_wanted_;
}

}   // namespace grid::server::cluster
