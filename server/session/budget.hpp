// server/session/budget.hpp: how many bytes may be queued, counted per session, account and
// process at once.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <memory>

namespace grid::server {

/// A hierarchical byte budget (session, account, process): bytes taken here are taken from the
/// budgets above, too. Any thread. Taken once per hand-over, not per stanza, so that the shared
/// counter is no hot spot.
class Budget {
public:
    explicit Budget(std::size_t bytes_max, std::shared_ptr<Budget> parent = nullptr)
        : bytes_max_(bytes_max), parent_(std::move(parent)) {}

    enum class Taken { Yes, Full, FullAbove };
    /// Takes all the bytes, or none unless the answer is Yes. A holder of no bytes may always take:
    /// one answer that is larger than the bound must not end a session that reads.
    Taken take(std::size_t bytes) {
        const auto before = used_.fetch_add(bytes, std::memory_order_relaxed);
        if (before != 0 && before + bytes > bytes_max_) {
            used_.fetch_sub(bytes, std::memory_order_relaxed);
            return Taken::Full;
        }
        if (parent_ && parent_->take(bytes) != Taken::Yes) {
            used_.fetch_sub(bytes, std::memory_order_relaxed);
            return Taken::FullAbove;
        }
        return Taken::Yes;
    }
    void give(std::size_t bytes) {
        used_.fetch_sub(bytes, std::memory_order_relaxed);
        if (parent_) parent_->give(bytes);
    }
    /// How much may be held here before what can wait must wait: the bound itself while the budgets
    /// above are empty, nothing when one of them is full.
    std::size_t fair_bytes_max() const {
        auto fair = static_cast<double>(bytes_max_);
        for (const Budget* above = parent_.get(); above; above = above->parent_.get()) {
            const auto held = std::min(above->used(), above->bytes_max_);
            fair *= 1.0 - static_cast<double>(held) / static_cast<double>(above->bytes_max_);
        }
        return static_cast<std::size_t>(fair);
    }
    const std::shared_ptr<Budget>& parent() const { return parent_; }
    std::size_t bytes_max() const { return bytes_max_; }
    std::size_t used() const { return used_.load(std::memory_order_relaxed); }

private:
    std::atomic<std::size_t> used_ = 0;
    std::size_t bytes_max_;
    std::shared_ptr<Budget> parent_;
};

}   // namespace grid::server
