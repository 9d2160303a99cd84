// server/live/figures.hpp: figures of one moment, and the rates between two of them.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "server/instruments.hpp"
#include "storage/batch.hpp"

namespace grid::server::live {

/// Counters since the start of the server.
struct Counts {
    std::uint64_t published = 0, delivered = 0;   // items
    std::uint64_t received = 0, sent = 0;         // stanzas
    std::uint64_t logins = 0;                     // TLS handshakes of streams
    std::uint64_t denied = 0;                     // by the policy
    std::uint64_t refused = 0;                    // logins, registrations, requests by HTTPS
    std::uint64_t limited = 0;                    // sessions slowed or cut
};

struct Figures {
    std::chrono::steady_clock::time_point taken;
    storage::Millis time = 0;   // wall clock
    std::size_t sessions = 0, hibernating = 0;
    std::array<std::size_t, 3> accounts{};   // pending, enabled, disabled
    std::size_t topics = 0, items = 0, subscriptions = 0;
    std::uint64_t policy_version = 0;
    bool is_writable = true;
    Counts counts;
    DurationHistogram::Reading commit, fan_out;
    double cpu_seconds = 0;
    std::uint64_t resident_bytes = 0;
};

/// The duration below which that share lies of all that were counted between two readings, as
/// Prometheus estimates it; nullopt: nothing was counted. Beyond the last bound: that bound.
std::optional<double> quantile(
    const DurationHistogram::Reading& before, const DurationHistogram::Reading& after, double share
);

/// `{"time": …, "sessions": …, "rates": {…} | null}`, one line. Rates are per second, since
/// `before`; null without one, or where too little time has passed.
std::string state_json(const Figures& now, const std::optional<Figures>& before);

}   // namespace grid::server::live
