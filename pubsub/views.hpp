// pubsub/views.hpp: nodes, subtopics and holders of rights, as others see them.
#pragma once

#include <string_view>
#include <vector>

#include "pubsub/model/state.hpp"

namespace grid::pubsub {

/// A node as administration and disco show it.
struct NodeView {
    std::uint64_t uid = 0;
    std::string name, title, type, access_model, publish_model;
    std::size_t items = 0, subscriptions = 0, publishers = 0;
    storage::Millis created = 0;
    std::string creator;
    bool is_collection = false;
    bool is_enabled = true;      // see Broker::switch_node
    std::string topic, filter;   // of a subtopic; the collection of them has a topic only
};

/// A subtopic as its publishers are told of it: with the filter that its items have to pass.
struct SubtopicView {
    std::string name, filter;
    std::size_t subscriptions = 0;
};

/// An item as administrators see it: never its payload.
struct ShownItem {
    std::string id, publisher;       // bare JID
    std::size_t payload_bytes = 0;   // 0: published without payload
    storage::Millis time = 0;
};
/// A page of items, the newest first.
struct ShownItems {
    std::vector<ShownItem> items;
    std::string next;   // the cursor of the page behind; empty: there is none
};

/// A subscriber or publisher of a node, whose right the policy may take away.
struct Holder {
    enum class Kind : std::uint8_t { Subscriber, Publisher } kind = Kind::Subscriber;
    std::string node, type;
    std::string jid;     // of a subscription: bare or full; of a publisher: bare
    std::string subid;   // of a subscription
    std::string at;      // the node's own name: of a subtopic, `node` is its topic
};

/// The last entry of a page: this node, or this of its holders.
struct HolderCursor {
    std::string node, jid, subid;
    Holder::Kind kind = Holder::Kind::Subscriber;
};

struct HolderPage {
    std::vector<Holder> holders;
    HolderCursor last;
    bool is_end = true;
};

NodeView view_of(const BrokerState& broker, const Node& node);
/// See Broker::subtopics.
std::vector<SubtopicView> views_of_subtopics(const BrokerState& broker, std::string_view topic);
/// See Broker::newest_items.
std::optional<ShownItems> newest_items_of(
    const BrokerState& broker, std::string_view name, std::string_view after, std::size_t max
);

// Rights that a policy may take away, with their holders, page by page.

/// See Broker::holders. Of each node its subscriptions, then its publishers.
HolderPage holders_after(const BrokerState& broker, const HolderCursor& after, std::size_t max);

}   // namespace grid::pubsub
