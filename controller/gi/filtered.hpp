// controller/gi/filtered.hpp: subscribing with a filter by the Grid protocol.
#pragma once

#include <string>

#include "controller/gi/operation.hpp"

namespace grid::controller::gi {

/// Says in the answer that a subscription which the broker made or found waits for an owner.
void add_state(pubsub::Decision& decision, xml::Element& answer);
/// Subscribes to the subtopic of the request's `<filter/>`, which is made if there is none.
pubsub::Decision subscribe_filtered(
    const Call& call, const std::string& topic, xml::Element answer
);
/// The node that the request leaves: the subtopic of its `<subtopicName/>` or `<filter/>`, else the
/// topic. A failure for a subtopic that is no subtopic of the topic, or a filter that is none.
Outcome<std::string> left_node(const Call& call, const std::string& topic);

}   // namespace grid::controller::gi
