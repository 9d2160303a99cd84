// pubsub/filtered_audience.hpp: subscribers of a topic whose filter a subtopic stands for (§12.20).
#pragma once

#include <optional>
#include <vector>

#include "pubsub/broker.hpp"

namespace grid::pubsub {

/// Adds those who subscribed to the topic with this subtopic's filter. Their copies name the topic,
/// and the subscription by which they get them (header `SubID`); the subtopic is not their
/// business. Who has a subscription to the subtopic itself, too, gets a copy for each.
void add_filtered(
    const Broker& broker,
    const Node& subtopic,
    std::vector<Subscriber>& audience,
    std::string_view account = {}
);

/// One of them.
std::optional<Subscriber> find_filtered(
    const Broker& broker, const Node& subtopic, const xml::Jid& jid
);

}   // namespace grid::pubsub
