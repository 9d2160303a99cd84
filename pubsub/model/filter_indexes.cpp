// pubsub/model/filter_indexes.cpp: see pubsub/model/filter_indexes.hpp.
#include "pubsub/model/filter_indexes.hpp"

namespace grid::pubsub {

namespace {
/// More topics than that are forgotten together: a topic that is gone is never asked for again.
constexpr std::size_t topics_max = 10'000;
}   // namespace

std::vector<const Node*> FilterIndexes::match(
    const ContentFilter& filter, const Node& topic, const std::string& extracted
) {
    if (topics_.size() >= topics_max && !topics_.contains(topic.uid)) topics_.clear();
    OfTopic& of_topic = topics_[topic.uid];
    if (!of_topic.index) of_topic.index = filter.make_index(topic.name());
    if (of_topic.version != topic.subtopics_version) follow(of_topic, topic);
    std::vector<const Node*> found;
    for (std::uint64_t uid : of_topic.index->match(extracted))
        found.push_back(of_topic.known.at(uid));
    return found;
}

void FilterIndexes::follow(OfTopic& of_topic, const Node& topic) {
    std::map<std::uint64_t, const Node*> now;
    for (const auto& [text, node] : topic.subtopics)
        if (node->is_subtopic()) now.emplace(node->uid, node);
    for (const auto& [uid, node] : of_topic.known)
        if (!now.contains(uid)) of_topic.index->remove(uid);
    for (const auto& [uid, node] : now)
        if (!of_topic.known.contains(uid)) of_topic.index->add(uid, node->record.filter);
    of_topic.known = std::move(now);
    of_topic.version = topic.subtopics_version;
}

}   // namespace grid::pubsub
