// pubsub/decide/subtopics.hpp: leaves that get the items which pass a filter of their topic
// (XEP-0060 §12.20): `T/<id of the filter>`, in the collection `T#subtopics`.
//
// A subtopic has no affiliations of its own: those of its topic count, and the policy is asked
// about the topic. A subtopic exists as long as it, or the topic with its filter, has a subscriber,
// and a while longer.
#pragma once

#include <optional>
#include <string>

#include "pubsub/decide/grant.hpp"
#include "pubsub/requests/requests.hpp"

namespace grid::pubsub {

/// The Grid protocol's subscription to the subtopic of that filter, which is made if there is none:
/// subscribers with the same filter share one subtopic.
struct JoinSubtopic {
    std::string topic;
    CanonicalFilter filter;
    xml::Jid jid;
};

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
    const BrokerState& broker,
    const Context& context,
    const Node& topic,
    const CanonicalFilter& filter,
    storage::Batch& batch
);

/// The filter that subscription options name, if they do, checked and in canonical form. Only
/// leaves that are no subtopics have filters.
Checked<std::optional<CanonicalFilter>> canonical_filter(
    const BrokerState& broker, const Node& node, SubscriptionOptions& options
);

Decision decide(const BrokerState& broker, const Context& context, const JoinSubtopic& request);

/// See Broker::make_subtopic_collection.
std::optional<storage::Batch> subtopic_collection(
    const BrokerState& broker, std::string_view topic, storage::Millis now
);

/// The attributes that filters ask for, where the broker filters; the batch expects the
/// declarations that they rest on.
Checked<std::string> extract_attributes(
    const BrokerState& broker, const Node& node, const Publish& request, storage::Batch& batch
);

/// A purge of the topic is one of its subtopics, since their items are in its epoch; their
/// subscribers are notified.
void tell_purged_subtopics(const Node& topic, storage::Batch& batch);

}   // namespace grid::pubsub
