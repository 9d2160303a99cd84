// server/net/budget.hpp: how many bytes may be queued, counted per session, account and process at once.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>

namespace grid::server::net {

/// A bound with a bound above it. What is taken here is taken above too. Any thread. Taken once per
/// hand-over, not per stanza, so that the shared counter is no hot spot.
class Budget {
public:
    explicit Budget(std::size_t bytes_max, std::shared_ptr<Budget> parent = nullptr)
        : bytes_max_(bytes_max), parent_(std::move(parent)) {}

    /// False, and nothing taken, when this or a budget above would be exceeded.
    bool take(std::size_t bytes) {
        if (used_.fetch_add(bytes, std::memory_order_relaxed) + bytes > bytes_max_ ||
            (parent_ && !parent_->take(bytes))) {
            used_.fetch_sub(bytes, std::memory_order_relaxed);
            return false;
        }
        return true;
    }
    void give(std::size_t bytes) {
        used_.fetch_sub(bytes, std::memory_order_relaxed);
        if (parent_) parent_->give(bytes);
    }
    const std::shared_ptr<Budget>& parent() const { return parent_; }
    std::size_t used() const { return used_.load(std::memory_order_relaxed); }

private:
    std::atomic<std::size_t> used_ = 0;
    std::size_t bytes_max_;
    std::shared_ptr<Budget> parent_;
};

}   // namespace grid::server::net
