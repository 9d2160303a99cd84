// pubsub/node_views.hpp: nodes as administration, disco and publishers see them.
#pragma once

#include <string_view>
#include <vector>

#include "pubsub/broker.hpp"

namespace grid::pubsub {

NodeView view_of(const Broker& broker, const Node& node);
/// See Engine::subtopics.
std::vector<SubtopicView> views_of_subtopics(const Broker& broker, std::string_view topic);

}   // namespace grid::pubsub
