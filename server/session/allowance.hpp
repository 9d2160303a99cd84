// server/session/allowance.hpp: how much a session may send: its own rate and its account's, and
// when a flood has gone on for too long.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "server/session/token_bucket.hpp"

namespace grid::server {

/// Stanzas and bytes of a client, as read.
struct Sent {
    std::uint64_t stanzas = 0, bytes = 0;
};

/// Of a session; an account's sessions have account_share times as much together. 0: no bound.
struct Rates {
    std::uint64_t stanzas_per_second = 0, bytes_per_second = 0;
    std::chrono::seconds burst{1};
    /// A session that was beyond its own rate for so long without a break is cut off; 0: never.
    std::chrono::seconds flood_max{0};

    static constexpr std::uint64_t account_share = 4;
    bool is_bounded() const { return stanzas_per_second != 0 || bytes_per_second != 0; }
};

/// The buckets of a session or an account. Any thread.
class RateBuckets {
public:
    RateBuckets(const Rates& rates, std::uint64_t times)
        : stanzas_(rates.stanzas_per_second * times, rates.burst),
          bytes_(rates.bytes_per_second * times, rates.burst) {}

    /// The debt, as TokenBucket::take: the larger one.
    std::chrono::nanoseconds take(Sent sent, TokenBucket::Clock::time_point now) {
        return std::max(stanzas_.take(sent.stanzas, now), bytes_.take(sent.bytes, now));
    }
    bool is_full(TokenBucket::Clock::time_point now) const {
        return stanzas_.is_full(now) && bytes_.is_full(now);
    }

private:
    TokenBucket stanzas_, bytes_;
};

/// For `status`. Any thread.
struct FloodCounts {
    std::atomic<std::uint64_t> slowed = 0;   // times that a session began to be slowed down
    std::atomic<std::uint64_t> cut = 0;      // sessions that were cut off
};

/// The allowance of one session. On its connection's strand.
class Allowance {
public:
    using Clock = TokenBucket::Clock;
    /// A client has made a break that sends nothing for so long while it is read, or so little that
    /// as many tokens are left as come in half of it.
    static constexpr auto break_min = std::chrono::milliseconds(1000);

    Allowance(const Rates& rates, std::shared_ptr<RateBuckets> account, FloodCounts& counts)
        : own_(rates, 1),
          account_(std::move(account)),
          flood_max_(rates.flood_max),
          counts_(counts) {}

    struct Verdict {
        std::chrono::nanoseconds pause{0};   // the session is not read for so long
        bool is_first = false;               // since its last break
        bool is_flood = false;               // it is cut off instead
    };
    /// For what was read since the last call.
    Verdict draw(Sent sent, Clock::time_point now);

private:
    RateBuckets own_;
    std::shared_ptr<RateBuckets> account_;
    std::chrono::seconds flood_max_;
    FloodCounts& counts_;
    std::optional<Clock::time_point> slowed_since_, flooding_since_;   // flooding: by its own rate
    Clock::time_point read_again_at_;
};

/// The buckets of accounts that have no session any more and are not full yet: an account that
/// comes again finds its own, so that a new stream is no new burst. Core strand.
class PartedRates {
public:
    using Clock = TokenBucket::Clock;

    void keep(std::string account, std::shared_ptr<RateBuckets> buckets, Clock::time_point now);
    /// Null: it would be full.
    std::shared_ptr<RateBuckets> take(const std::string& account, Clock::time_point now);
    std::size_t size() const { return kept_.size(); }

private:
    /// A few that are full by now go with each that comes.
    void forget_full(Clock::time_point now);

    std::map<std::string, std::shared_ptr<RateBuckets>> kept_;
    std::string looked_at_;   // the last account at which forget_full looked
};

}   // namespace grid::server
