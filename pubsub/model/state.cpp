// pubsub/model/state.cpp: see state.hpp.
#include "pubsub/model/state.hpp"

#include "pubsub/model/node.hpp"
#include "pubsub/ports/content_filter.hpp"

namespace grid::pubsub {

bool is_filtered_by_broker(const BrokerState& broker, const Node& topic) {
    return broker.filter && broker.filter->is_server_side(topic.name());
}

const Node& items_node_of(const BrokerState& broker, const Node& node) {
    if (!node.topic || !node.is_subtopic()) return node;
    return is_filtered_by_broker(broker, *node.topic) ? *node.topic : node;
}

bool needs_extracts(const BrokerState& broker, const Node& node) {
    return node.subtopics.size() > node.subtopics.count("") && is_filtered_by_broker(broker, node);
}

}   // namespace grid::pubsub
