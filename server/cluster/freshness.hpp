// server/cluster/freshness.hpp: since when a member knows what was committed.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>

#include "storage/batch.hpp"

namespace grid::server::cluster {

/// Rights are asked of memory, which follows the store a little later, and after a long silence
/// much later: what the store has heard counts when memory has it, too. One thread.
class Freshness {
public:
    using TimePoint = std::chrono::steady_clock::time_point;

    explicit Freshness(TimePoint heard) : heard_(heard) {}

    /// At `heard` nothing had been committed that the store does not have; it has all up to
    /// `stored` and memory follows up to `followed`.
    void note(TimePoint heard, storage::Revision stored, storage::Revision followed) {
        if (followed >= stored) return hear(heard);
        if (pending_ && followed >= pending_->stored) {
            hear(pending_->heard);
            pending_.reset();
        }
        if (!pending_) pending_ = {heard, stored};
    }
    TimePoint heard() const { return heard_; }

private:
    struct Pending {
        TimePoint heard;
        storage::Revision stored = 0;
    };
    void hear(TimePoint heard) {
        heard_ = std::max(heard_, heard);
        if (pending_ && pending_->heard <= heard) pending_.reset();
    }

    TimePoint heard_;
    std::optional<Pending> pending_;   // the oldest that memory has not followed
};

}   // namespace grid::server::cluster
