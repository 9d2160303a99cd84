// pubsub/collection_audience.hpp: recipients of a node's events by a collection (XEP-0248).
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "pubsub/broker.hpp"

namespace grid::pubsub {

/// Adds those who subscribed to collections above the node, by type and depth, and have no
/// subscription to the node itself. Their copies name the collections (header `Collection`). Only
/// who could get the items from the leaf itself gets them so: a collection opens no door.
void add_through_collections(
    const Broker& broker,
    const Node& node,
    AudienceKind kind,
    std::vector<Subscriber>& audience,
    std::string_view account = {}
);

/// One of them, for items.
std::optional<Subscriber> find_through_collections(
    const Broker& broker, const Node& node, const xml::Jid& jid
);

/// Whether this subscription to a collection brings the items of leaves so many steps beneath it.
bool brings_items(const Subscription& subscription, std::uint64_t distance);

}   // namespace grid::pubsub
