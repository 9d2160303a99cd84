// server/instruments.hpp: counters and histograms: one thread or many write, any thread reads.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace grid::server {

/// Only grows, from the start of the process. Any thread.
class Counter {
public:
    void add(std::uint64_t count = 1) noexcept {
        count_.fetch_add(count, std::memory_order_relaxed);
    }
    std::uint64_t count() const noexcept { return count_.load(std::memory_order_relaxed); }

private:
    std::atomic<std::uint64_t> count_ = 0;
};

/// How many durations were at most so long. Any thread; a reading is of one moment up to what is
/// being written during it.
class DurationHistogram {
public:
    using Nanoseconds = std::chrono::nanoseconds;
    /// Upper bounds, in seconds: from a fast sync of a disk to a client's patience.
    static constexpr std::array<double, 15> bounds{0.0001, 0.00025, 0.0005, 0.001, 0.0025,
                                                   0.005,  0.01,    0.025,  0.05,  0.1,
                                                   0.25,   0.5,     1.0,    2.5,   10.0};

    struct Reading {
        std::array<std::uint64_t, bounds.size() + 1> counts{};   // the last: longer than any bound
        double sum_seconds = 0;
    };

    void observe(Nanoseconds duration) noexcept {
        const double seconds = std::chrono::duration<double>(duration).count();
        const auto place = static_cast<std::size_t>(
            std::lower_bound(bounds.begin(), bounds.end(), seconds) - bounds.begin()
        );
        counts_[place].fetch_add(1, std::memory_order_relaxed);
        sum_ns_.fetch_add(
            static_cast<std::uint64_t>(std::max<std::int64_t>(duration.count(), 0)),
            std::memory_order_relaxed
        );
    }
    Reading read() const noexcept {
        Reading reading;
        for (std::size_t i = 0; i < counts_.size(); ++i)
            reading.counts[i] = counts_[i].load(std::memory_order_relaxed);
        reading.sum_seconds =
            static_cast<double>(sum_ns_.load(std::memory_order_relaxed)) / 1'000'000'000;
        return reading;
    }

private:
    std::array<std::atomic<std::uint64_t>, bounds.size() + 1> counts_{};
    std::atomic<std::uint64_t> sum_ns_ = 0;
};

}   // namespace grid::server
