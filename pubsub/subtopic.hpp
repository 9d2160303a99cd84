// pubsub/subtopic.hpp: leaves that get the items which pass a filter of their topic (XEP-0060
// §12.20): `T/<id of the filter>`, in the collection `T#subtopics`.
//
// A subtopic has no affiliations of its own: those of its topic count, and the policy is asked
// about the topic. A subtopic exists as long as it, or the topic with its filter, has a subscriber,
// and a while longer.
#pragma once

#include <optional>
#include <string>

#include "pubsub/access.hpp"
#include "pubsub/use_cases.hpp"

namespace grid::pubsub {

/// The subtopic that a subscription will use: one that is there, or the one that the batch makes.
struct SubtopicUse {
    const Node* node = nullptr;   // null: made by this batch
    std::string name;
    std::uint64_t uid() const { return node ? node->uid : uid_of_this_batch; }
};

/// Adds to the batch what makes it, or what keeps it. The topic's guard makes creations meet, so
/// that two first subscribers make one and the limit holds; the subtopic's own guard makes a
/// removal fail. Call before there are events in the batch.
Checked<SubtopicUse> use_subtopic(
    const Broker& broker,
    const Context& context,
    const Node& topic,
    const CanonicalFilter& filter,
    storage::Batch& batch
);

/// The filter that subscription options name, if they do, checked and in canonical form. Only
/// leaves that are no subtopics have filters.
Checked<std::optional<CanonicalFilter>> canonical_filter(
    const Broker& broker, const Node& node, SubscriptionOptions& options
);

Decision decide(const Broker& broker, const Context& context, const JoinSubtopic& request);

/// See Engine::make_subtopic_collection.
std::optional<storage::Batch> subtopic_collection(
    const Broker& broker, std::string_view topic, storage::Millis now
);

/// The broker filters for that topic: its subtopics have no items, they show the topic's.
bool shows_through(const Broker& broker, const Node& topic);
/// The node whose items this node shows: itself, or its topic.
const Node& shelf_of(const Broker& broker, const Node& node);

/// The attributes that filters ask for, where the broker filters; the batch expects the
/// declarations that they rest on.
Checked<std::string> extracted_of(
    const Broker& broker, const Node& node, const Publish& request, storage::Batch& batch
);

/// A purge of the topic is one of its subtopics, since their items are in its epoch; their
/// subscribers are notified.
void tell_purged_subtopics(const Node& topic, storage::Batch& batch);

}   // namespace grid::pubsub
