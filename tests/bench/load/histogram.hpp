// tests/bench/load/histogram.hpp: latencies in buckets of 3 %, so that recording costs
// nanoseconds.
#pragma once

#include <cstdint>
#include <vector>

namespace grid::bench {

class Histogram {
public:
    Histogram();
    void record(std::uint64_t ns);
    void clear();
    std::uint64_t count() const { return count_; }
    // In milliseconds; the upper end of the bucket, so never flattering. 0 when nothing was
    // recorded.
    double percentile_ms(double percent) const;
    double max_ms() const { return static_cast<double>(max_) / 1e6; }

private:
    std::vector<std::uint64_t> buckets_;
    std::uint64_t count_ = 0;
    std::uint64_t max_ = 0;
};

}   // namespace grid::bench
