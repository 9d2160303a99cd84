// pubsub/delivery/audience.hpp: recipients of a node's events, and their extras (XEP-0060 §6.3,
// §7.1.2.4).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pubsub/delivery/subscriber.hpp"
#include "pubsub/model/state.hpp"

namespace grid::pubsub {

/// See Broker::audience. In the order of the JIDs; one each, whatever the number of its
/// subscriptions (§6.1.6).
std::vector<Subscriber> audience_of(const BrokerState& broker, const Node& node, AudienceKind kind);

/// The same of one account's addresses, for the price of that account.
std::vector<Subscriber> audience_of_account(
    const BrokerState& broker, const Node& node, AudienceKind kind, std::string_view bare
);

/// The recipient under that very address, subscribed to the node itself or to a collection above;
/// nullopt if there is none.
std::optional<Subscriber> find_subscriber(
    const BrokerState& broker, const Node& node, const xml::Jid& jid
);

/// See Broker::is_in_audience, Broker::may_receive_here.
bool is_told(const BrokerState& broker, const xml::Jid& subscriber, std::uint64_t node);
bool may_receive_events_here(
    const BrokerState& broker, const Principal& session, std::uint64_t node
);

// Recipients of a node's events by a collection (XEP-0248).

/// Adds those who subscribed to collections above the node, by type and depth, and have no
/// subscription to the node itself. Their copies name the collections (header `Collection`). Only
/// who could get the items from the leaf itself gets them so: a collection opens no door.
void add_through_collections(
    const BrokerState& broker,
    const Node& node,
    AudienceKind kind,
    std::vector<Subscriber>& audience,
    std::string_view account = {}
);

/// One of them, for items.
std::optional<Subscriber> find_through_collections(
    const BrokerState& broker, const Node& node, const xml::Jid& jid
);

/// Whether this subscription to a collection brings the items of leaves so many steps beneath it.
bool brings_items(const Subscription& subscription, std::uint64_t distance);

// Subscribers of a topic whose filter a subtopic stands for (§12.20).

/// Adds those who subscribed to the topic with this subtopic's filter. Their copies name the topic,
/// and the subscription by which they get them (header `SubID`), not the subtopic. A subscriber to
/// the topic and to the subtopic itself gets a copy for each.
void add_filtered(
    const BrokerState& broker,
    const Node& subtopic,
    std::vector<Subscriber>& audience,
    std::string_view account = {}
);

/// One address that several subscriptions to a topic bring the same item, some by their filters.
struct JointCopy {
    CopyOptions copy;         // names them all
    bool has_plain = false;   // one of them wants each item by itself
};
/// nullopt: fewer than two sources do. `passes` says of a subtopic (its uid) whether the item is
/// for it.
std::optional<JointCopy> joint_copy(
    const Node& topic,
    const std::string& jid,
    const std::function<bool(std::uint64_t subtopic)>& passes
);

/// One of them.
std::optional<Subscriber> find_filtered(
    const BrokerState& broker, const Node& subtopic, const xml::Jid& jid
);

}   // namespace grid::pubsub
