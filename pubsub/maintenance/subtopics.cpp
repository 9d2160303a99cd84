// pubsub/maintenance/subtopics.cpp: see pubsub/maintenance/subtopics.hpp.
#include "pubsub/maintenance/subtopics.hpp"

#include <algorithm>

#include "pubsub/model/events.hpp"

namespace grid::pubsub {

using storage::Batch;
using storage::Family;

namespace {

/// As the owner's deletion of a node, but without a request, and with the publishers as the only
/// recipients.
Batch removal(const Node& node) {
    Batch batch;
    NodeRecord record = node.record;
    record.is_deleted = true;
    record.epoch = node.epoch();   // that of its topic no longer counts for it
    // Publishers hear of it as of one that left the collection; who still is subscribed to a
    // subtopic of a topic that is gone hears of the deletion.
    if (!node.is_in_use()) record.config.notify_delete = false;
    batch.expect(Family::Control, node_key(node.uid), node.revision);
    batch.expect(Family::Control, guard_key(node.uid), node.guard);
    batch.put(Family::Control, node_key(node.uid), encode(record));
    batch.erase(Family::Control, name_key(node.name()));
    batch.put(Family::Control, trash_key(node.uid, record.epoch), "");
    if (node.is_subtopic()) {
        const std::string topic(node.governing_name());
        batch.event = encode(SubtopicChanged{topic, node.name(), node.record.filter, false});
        const auto collection = node.topic->subtopics.find("");
        if (collection != node.topic->subtopics.end() && !node.is_orphan())
            batch.event += encode(Associated{collection->second->uid, node.uid, false});
    }
    batch.event += encode(NodeDeleted{node.uid, {}});
    return batch;
}

}   // namespace

std::vector<Batch> SubtopicUpkeep::due(
    const BrokerState& broker, storage::Millis now, std::size_t batches_max
) {
    std::vector<Batch> batches;
    const auto add = [&](std::uint64_t uid) {
        const Node* node = broker.memory.find(uid);
        if (node && node->topic && !node->record.is_deleted) batches.push_back(removal(*node));
    };
    for (std::uint64_t uid : broker.memory.orphans()) {
        if (batches.size() >= batches_max) return batches;
        add(uid);
    }
    const auto& idle = broker.memory.idle_subtopics();
    std::erase_if(idle_since_, [&](const auto& entry) { return !idle.contains(entry.first); });
    for (std::uint64_t uid : idle) {
        storage::Millis& since = idle_since_.try_emplace(uid, now).first->second;
        since = std::min(since, now);   // a clock that was set back
        if (batches.size() < batches_max && now - since >= broker.settings.subtopic_grace_ms)
            add(uid);
    }
    return batches;
}

}   // namespace grid::pubsub
