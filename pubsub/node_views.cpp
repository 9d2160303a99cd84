// pubsub/node_views.cpp: see pubsub/node_views.hpp.
#include "pubsub/node_views.hpp"

#include "pubsub/node_config_form.hpp"

namespace grid::pubsub {

NodeView view_of(const Broker& broker, const Node& node) {
    NodeView view;
    view.uid = node.uid;
    view.name = node.name();
    view.title = node.config().title;
    view.type = node.config().type;
    view.access_model = to_string(node.config().access_model);
    view.publish_model = to_string(node.config().publish_model);
    view.items = node.items.size() - node.hidden(broker.settings);
    view.subscriptions = node.subscriptions.size();
    for (const auto& [bare, entry] : node.affiliations)
        if (is_publishing(entry.record.affiliation)) ++view.publishers;
    view.created = node.record.created;
    view.creator = node.record.creator;
    view.topic = node.governing_name() == node.name() ? "" : node.governing_name();
    view.filter = node.record.filter;
    view.is_collection = node.config().is_collection();
    view.is_enabled = !node.rights().record.is_switched_off;
    return view;
}

std::vector<SubtopicView> views_of_subtopics(const Broker& broker, std::string_view topic) {
    std::vector<SubtopicView> views;
    const Node* node = broker.memory.find(topic);
    if (!node) return views;
    for (const auto& [filter, subtopic] : node->subtopics) {
        if (filter.empty()) continue;
        const auto filtered = node->filtered.find(filter);
        const std::size_t others = filtered == node->filtered.end() ? 0 : filtered->second.size();
        views.push_back({subtopic->name(), filter, subtopic->subscriptions.size() + others});
    }
    return views;
}

}   // namespace grid::pubsub
