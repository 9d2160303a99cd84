// pubsub/model/extracts.cpp: see extracts.hpp.
#include "pubsub/model/extracts.hpp"

#include "pubsub/model/node.hpp"

namespace grid::pubsub {

FoundExtract find_extract(
    const storage::Snapshot& snapshot,
    const WantedExtract& wanted,
    const ContentFilter& filter,
    const PayloadFaults& faults
) {
    FoundExtract found{wanted.at.revision, std::nullopt};
    const StoredItem stored = read_item(snapshot, wanted.at, faults);
    if (stored.state != StoredItem::State::There) return found;
    const auto payload = read_payload(wanted.at, stored.payload, faults);
    if (payload) found.extracted = filter.extract(wanted.topic, *payload);
    return found;
}

const FoundExtract* Extracts::find(const Node& node, const ItemAt& item) {
    const auto [at, is_new] = known_.try_emplace(item.revision);
    if (is_new) wanted_.push_back({item, node.name()});
    return at->second ? &*at->second : nullptr;
}

void Extracts::learn(std::vector<FoundExtract> found) {
    for (FoundExtract& one : found) {
        const auto at = known_.find(one.revision);
        if (at != known_.end()) at->second = std::move(one);
    }
}

}   // namespace grid::pubsub
