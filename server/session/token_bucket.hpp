// server/session/token_bucket.hpp: so many a second, with a burst, for any number of takers.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>

namespace grid::server {

/// Tokens come at a rate and are kept up to a burst. A taker takes what it has used already, and
/// waits until the debt is paid: so nothing is refused, and whatever is taken at once may be larger
/// than the burst. Any thread; one number, so that takers of an account do not lock each other out.
class TokenBucket {
public:
    using Clock = std::chrono::steady_clock;
    /// No taker waits for longer, whatever was taken.
    static constexpr auto debt_max = std::chrono::seconds(60);

    /// A bucket without a bound has `per_second` 0. It is full at first.
    TokenBucket(std::uint64_t per_second, std::chrono::nanoseconds burst)
        : per_second_(per_second), burst_(burst) {}

    /// Takes all the tokens. Returns the debt: how long it is until those that were missing are
    /// there. Below zero: how long those took to come that are left.
    std::chrono::nanoseconds take(std::uint64_t tokens, Clock::time_point now) {
        if (per_second_ == 0) return -burst_;
        const std::int64_t at = to_ns(now), cost = cost_of(tokens);
        std::int64_t before = paid_at_.load(std::memory_order_relaxed), after = 0;
        do {
            after = std::min(
                std::max(before, at - burst_.count()) + cost,
                std::max(before, at + std::chrono::nanoseconds(debt_max).count())
            );
        } while (!paid_at_.compare_exchange_weak(before, after, std::memory_order_relaxed));
        return std::chrono::nanoseconds(after - at);
    }
    /// As if none had ever been taken.
    bool is_full(Clock::time_point now) const {
        return per_second_ == 0 ||
               paid_at_.load(std::memory_order_relaxed) <= to_ns(now) - burst_.count();
    }

private:
    static std::int64_t to_ns(Clock::time_point time) {
        return std::chrono::nanoseconds(time.time_since_epoch()).count();
    }
    /// Of fewer than 9 billion tokens, which no read brings.
    std::int64_t cost_of(std::uint64_t tokens) const {
        return static_cast<std::int64_t>(tokens * 1'000'000'000 / per_second_);
    }

    std::uint64_t per_second_;
    std::chrono::nanoseconds burst_;
    /// When all that was taken is paid for; as long before now as there are tokens left.
    std::atomic<std::int64_t> paid_at_ = 0;
};

}   // namespace grid::server
