// server/cluster/standing.cpp: see standing.hpp.
#include "server/cluster/standing.hpp"

namespace grid::server::cluster {

namespace {
using namespace std::chrono_literals;

/// A silence that ends by itself soon is no reason to change the record.
constexpr auto patience = 2s;
/// The age of what was heard is looked at a little later than it was measured.
constexpr auto slack = 1s;
}   // namespace

void Standing::begin() { has_begun_ = is_wanted_ = true; }

void Standing::recorded(bool is_waited_for, TimePoint now) {
    if (!has_begun_) return;
    is_recorded_ = is_waited_for;
    if (!is_waited_for) {
        seen_.reset();
        is_in_ = false;
    } else if (!seen_) {
        seen_ = now;
    }
}

void Standing::lost() {
    if (!has_begun_) return;
    is_recorded_ = is_in_ = false;
    seen_.reset();
}

bool Standing::look(TimePoint now, TimePoint heard) {
    if (!has_begun_) return false;
    if (is_wanted_ && now - heard > max_staleness_ + patience) {
        is_wanted_ = is_in_ = false;
    } else if (!is_wanted_ && !is_recorded_ && now - heard <= max_staleness_) {
        // Not before the record has said the contrary: that write could arrive later.
        is_wanted_ = true;
    }
    if (is_wanted_ && seen_ && heard >= *seen_ + slack) is_in_ = has_been_in_ = true;
    return is_wanted_;
}

}   // namespace grid::server::cluster
