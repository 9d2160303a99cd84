// pubsub/apply_subtopic.cpp: memory follows subtopics: their places at topics, their recipients.
#include "pubsub/memory.hpp"

namespace grid::pubsub {

/// The topic's own record may come later in a scan: a shell of it is there then.
void Memory::join_topic(Node& node) {
    if (node.record.topic == 0 || node.topic) return;
    Node& topic = this->node(node.record.topic);
    node.topic = &topic;
    topic.subtopics.insert_or_assign(node.record.filter, &node);
    ++topic.subtopics_version;
    topics_.insert(topic.uid);
    note_use(node);
}

void Memory::leave_topic(Node& node) {
    idle_.erase(node.uid);
    orphans_.erase(node.uid);
    if (!node.topic) return;
    Node& topic = *node.topic;
    node.topic = nullptr;
    // One of the same filter may have come since this one was deleted.
    const auto found = topic.subtopics.find(node.record.filter);
    if (found == topic.subtopics.end() || found->second != &node) return;
    topic.subtopics.erase(found);
    ++topic.subtopics_version;
    if (topic.subtopics.empty()) topics_.erase(topic.uid);
    drop_if_empty(topic.uid);
}

/// Hides a subtopic whose topic is gone, or not there yet: requests no longer find it.
void Memory::hide(Node& node) {
    const auto named = by_name_.find(node.name());
    if (named != by_name_.end() && named->second == &node) by_name_.erase(named);
    tree_.leave(node);
    orphans_.insert(node.uid);
    idle_.erase(node.uid);
}

void Memory::note_use(const Node& node) {
    if (!node.topic || !node.is_subtopic() || node.is_orphan()) return;
    if (node.is_in_use())
        idle_.erase(node.uid);
    else
        idle_.insert(node.uid);
}

void Memory::note_filter(Node& node, const Subscriptions::value_type& entry, bool is_there) {
    const auto& [key, subscription] = entry;
    if (!subscription.options || subscription.options->filter.empty()) return;
    const std::string& filter = subscription.options->filter;
    auto& keys = node.filtered[filter];
    if (is_there)
        keys.insert(key);
    else
        keys.erase(key);
    if (keys.empty()) node.filtered.erase(filter);
    const auto subtopic = node.subtopics.find(filter);
    if (subtopic != node.subtopics.end()) note_use(*subtopic->second);
}

}   // namespace grid::pubsub
