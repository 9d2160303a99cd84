// pubsub/filtered_audience.hpp: subscribers of a topic whose filter a subtopic stands for (§12.20).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "pubsub/broker.hpp"

namespace grid::pubsub {

/// Adds those who subscribed to the topic with this subtopic's filter. Their copies name the topic,
/// and the subscription by which they get them (header `SubID`), not the subtopic. A subscriber to
/// the topic and to the subtopic itself gets a copy for each.
void add_filtered(
    const Broker& broker,
    const Node& subtopic,
    std::vector<Subscriber>& audience,
    std::string_view account = {}
);

/// One address that several subscriptions to a topic bring the same item, some by their filters.
struct JointFlavour {
    Flavour flavour;          // names them all
    bool has_plain = false;   // one of them wants each item by itself
};
/// nullopt: fewer than two sources do. `passes` says of a subtopic (its uid) whether the item is
/// for it.
std::optional<JointFlavour> joint_flavour(
    const Node& topic,
    const std::string& jid,
    const std::function<bool(std::uint64_t subtopic)>& passes
);

/// One of them.
std::optional<Subscriber> find_filtered(
    const Broker& broker, const Node& subtopic, const xml::Jid& jid
);

}   // namespace grid::pubsub
