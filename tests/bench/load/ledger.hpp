// tests/bench/load/ledger.hpp: counts every delivery of every subscriber against what was sent.
#pragma once

#include <algorithm>
#include <cstdint>
#include <stdexcept>
#include <vector>

#include "load/workload.hpp"

namespace grid::bench {

class Ledger {
public:
    Ledger(std::size_t publishers, std::size_t subscribers)
        : publishers_(publishers), next_(publishers * subscribers) {}

    void take(std::size_t subscriber, const Stamp& stamp) {
        if (stamp.publisher >= publishers_) throw std::runtime_error("an item of another run");
        std::uint32_t& next = next_[subscriber * publishers_ + stamp.publisher];
        ++received_;
        if (stamp.sequence < next) {
            ++late_;   // overtaken, or delivered twice
            return;
        }
        skipped_ += stamp.sequence - next;
        next = stamp.sequence + 1;
    }

    // Call at the end, with the number that each publisher has sent.
    std::uint64_t lost(const std::vector<std::uint32_t>& sent) const {
        std::uint64_t missing = skipped_;
        for (std::size_t i = 0; i < next_.size(); ++i) missing += sent[i % publishers_] - next_[i];
        return missing - std::min(missing, late_);
    }
    std::uint64_t received() const { return received_; }
    std::uint64_t late() const { return late_; }

private:
    std::size_t publishers_;
    std::vector<std::uint32_t> next_;   // by subscriber, then publisher
    std::uint64_t received_ = 0;
    std::uint64_t skipped_ = 0;
    std::uint64_t late_ = 0;
};

}   // namespace grid::bench
