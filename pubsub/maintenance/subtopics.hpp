// pubsub/maintenance/subtopics.hpp: subtopics are removed when they have no subscriber, or their
// topic is gone.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "pubsub/model/state.hpp"

namespace grid::pubsub {

/// Since when subtopics are idle. Soft state: a start counts anew.
class SubtopicUpkeep {
public:
    /// Removals that are due. They only propose: a batch expects the guard that every new
    /// subscription writes.
    std::vector<storage::Batch> due(
        const BrokerState& broker, storage::Millis now, std::size_t batches_max
    );

private:
    std::map<std::uint64_t, storage::Millis> idle_since_;
};

}   // namespace grid::pubsub
