// pubsub/bounces.cpp: see pubsub/bounces.hpp.
#include "pubsub/bounces.hpp"

namespace grid::pubsub {

namespace {
constexpr storage::Millis window_ms = 24 * 3600 * 1000;
constexpr std::size_t counts_max = 10'000;
}   // namespace

bool Bounces::count(const Bounced& bounced, storage::Millis now, std::uint32_t bounces_max) {
    if (counts_.size() >= counts_max) counts_.clear();
    std::string key = bounced.jid + '\n' + std::to_string(bounced.node);
    Count& count = counts_[key];
    if (count.bounces == 0 || now - count.since > window_ms || now < count.since) count = {0, now};
    if (++count.bounces < bounces_max) return false;
    counts_.erase(key);
    return true;
}

}   // namespace grid::pubsub
