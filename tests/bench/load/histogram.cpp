// tests/bench/load/histogram.cpp: 32 buckets to each power of two.
#include "load/histogram.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>

namespace grid::bench {

namespace {
constexpr int fine_bits = 5;
constexpr std::uint64_t fine = 1U << fine_bits;

std::size_t bucket_of(std::uint64_t ns) {
    if (ns < fine) return static_cast<std::size_t>(ns);
    const auto shift = static_cast<int>(std::bit_width(ns)) - fine_bits - 1;
    return static_cast<std::size_t>(
        (static_cast<std::uint64_t>(shift) << fine_bits) + (ns >> shift)
    );
}

// The first value that is no longer in the bucket.
std::uint64_t bucket_end(std::size_t bucket) {
    if (bucket < fine) return bucket + 1;
    const std::uint64_t shift = (bucket >> fine_bits) - 1;
    return (bucket - (shift << fine_bits) + 1) << shift;
}
}   // namespace

Histogram::Histogram() : buckets_(64 * fine) {}

void Histogram::record(std::uint64_t ns) {
    ++buckets_[bucket_of(ns)];
    ++count_;
    max_ = std::max(max_, ns);
}

void Histogram::clear() { *this = Histogram(); }

double Histogram::percentile_ms(double percent) const {
    const auto rank =
        static_cast<std::uint64_t>(std::ceil(static_cast<double>(count_) * percent / 100));
    std::uint64_t seen = 0;
    for (std::size_t bucket = 0; bucket < buckets_.size(); ++bucket) {
        seen += buckets_[bucket];
        if (seen >= rank && seen > 0)
            return static_cast<double>(std::min(bucket_end(bucket), max_)) / 1e6;
    }
    return 0;
}

}   // namespace grid::bench
