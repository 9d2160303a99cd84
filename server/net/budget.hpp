// server/net/budget.hpp: how many bytes may be queued, counted per session, account and process at
// once.
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

    enum class Taken { Yes, Full, FullAbove };
    /// Nothing is taken unless Yes. Who holds nothing yet may always take: one answer that is
    /// larger than the bound must not end a session that reads.
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
    const std::shared_ptr<Budget>& parent() const { return parent_; }
    std::size_t bytes_max() const { return bytes_max_; }
    std::size_t used() const { return used_.load(std::memory_order_relaxed); }

private:
    std::atomic<std::size_t> used_ = 0;
    std::size_t bytes_max_;
    std::shared_ptr<Budget> parent_;
};

}   // namespace grid::server::net
