// pubsub/bounces.hpp: how often notifications came back from a subscriber (XEP-0060 §12.4).
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>

#include "pubsub/events.hpp"
#include "storage/batch.hpp"

namespace grid::pubsub {

/// Counts by address and node, for a day. Soft state: a start forgets it, and so does a flood.
class Bounces {
public:
    /// True when that is `bounces_max` of them; the count begins anew then.
    bool count(const Bounced& bounced, storage::Millis now, std::uint32_t bounces_max);

private:
    struct Count {
        std::uint32_t bounces = 0;
        storage::Millis since = 0;
    };
    std::unordered_map<std::string, Count> counts_;
};

}   // namespace grid::pubsub
