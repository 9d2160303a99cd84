// pubsub/model/extracts.hpp: filter attributes of items that are in the store: read before these
// go, since only subscribers whose filter had them are notified.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "pubsub/model/records.hpp"
#include "pubsub/ports/content_filter.hpp"

namespace grid::pubsub {

struct Node;

/// An item to be looked at, and the topic that it is of.
struct WantedExtract {
    ItemAt at;
    std::string topic;
};
/// Without `extracted`, the attributes of the item cannot be known.
struct FoundExtract {
    storage::Revision revision = 0;
    std::optional<std::string> extracted;
};

/// Reads one. Any thread.
FoundExtract find_extract(
    const storage::Snapshot& snapshot,
    const WantedExtract& wanted,
    const ContentFilter& filter,
    const PayloadFaults& faults
);

/// Filter attributes of items that retention is about to erase: read first, and kept until the
/// subscribers are notified. Soft state; missing ones are asked for again. Core strand.
class Extracts {
public:
    /// Null: it was asked for now, or before.
    const FoundExtract* find(const Node& node, const ItemAt& item);
    void forget(storage::Revision revision) { known_.erase(revision); }
    std::vector<WantedExtract> take_wanted() { return std::exchange(wanted_, {}); }
    void learn(std::vector<FoundExtract> found);

private:
    std::map<storage::Revision, std::optional<FoundExtract>> known_;
    std::vector<WantedExtract> wanted_;
};

}   // namespace grid::pubsub
