// pubsub/decide/subtopics.cpp: see pubsub/decide/subtopics.hpp.
#include "pubsub/decide/subtopics.hpp"

#include <algorithm>
#include <utility>

#include "pubsub/decide/deeds.hpp"
#include "pubsub/decide/node_creation.hpp"
#include "pubsub/decide/subscription_change.hpp"
#include "pubsub/decide/subscription_form.hpp"
#include "pubsub/errors.hpp"
#include "pubsub/model/events.hpp"
#include "pubsub/model/records.hpp"
#include "xml/namespaces.hpp"

namespace grid::pubsub {

using storage::Batch;
using storage::Family;

namespace {

/// How many subtopics a collection that is made late takes in.
constexpr std::size_t gathered_max = 30;

NodeRecord record_of(const Node& topic, const std::string& name, storage::Millis now) {
    NodeRecord record;
    record.name = name;
    record.created = now;
    record.topic = topic.uid;
    record.config = topic.config();
    return record;
}

/// Subtopics that an account made or uses. Those it made count after it left them, too: they stay
/// for a while.
std::size_t subtopics_of(const Node& topic, std::string_view bare) {
    std::size_t count = 0;
    for (const auto& [filter, subtopic] : topic.subtopics) {
        if (!subtopic->is_subtopic()) continue;
        bool is_its = subtopic->record.creator == bare;
        subtopic->each_subscription_of_account(bare, [&](const auto&) { is_its = true; });
        const auto users = topic.filtered.find(filter);
        if (users != topic.filtered.end())
            for (auto at = users->second.lower_bound(SubscriptionKeyView{bare, {}});
                 !is_its && at != users->second.end() && at->jid.starts_with(bare); ++at)
                is_its = bare_of(at->jid) == bare;
        count += is_its ? 1 : 0;
    }
    return count;
}

std::optional<xml::StanzaError> check_subtopics_room(
    const BrokerState& broker, const Context& context, const Node& topic
) {
    const std::size_t count = topic.subtopics.size() - topic.subtopics.count("");
    const std::size_t most = broker.filter->subtopics_max(topic.name());
    if (count >= most) return broker.filter->too_many(most);
    if (is_trusted(broker, context.actor)) return std::nullopt;
    const std::size_t share =
        std::max<std::size_t>(1, most * broker.settings.subtopics_share_percent / 100);
    if (subtopics_of(topic, context.actor.jid.bare_view()) < share) return std::nullopt;
    return broker.filter->too_many_of_account(share);
}

Checked<SubtopicUse> make_subtopic(
    const BrokerState& broker,
    const Context& context,
    const Node& topic,
    const CanonicalFilter& filter,
    Batch& batch
) {
    const std::string name = topic.name() + "/" + filter.id;
    if (auto error = check_subtopics_room(broker, context, topic)) return *error;
    if (name.size() > broker.settings.node_name_bytes_max)
        return refuse(
            Errc::NotAllowed, "The name of this topic is too long for subtopics: no filters here."
        );
    // Another filter of the same id: a collision of hashes, so far only in theory.
    if (broker.memory.find(name))
        return refuse(Errc::ResourceConstraint, "There can be no subtopic '" + name + "'.");
    if (auto error = check_nodes_room(broker, context, name, batch)) return *error;
    batch.expect(Family::Control, node_key(topic.uid), topic.revision);
    batch.expect(Family::Control, guard_key(topic.uid), topic.guard);
    batch.put(Family::Control, guard_key(topic.uid), "");
    batch.expect(Family::Control, name_key(name), 0);
    batch.put(Family::Control, name_key(name), encode(NameRecord{}));
    NodeRecord record = record_of(topic, name, context.now);
    record.filter = filter.text;
    record.creator = context.actor.jid.bare_view();
    batch.put_at_revision(Family::Control, node_key(uid_of_this_batch), uid_at, encode(record));
    batch.event = encode(SubtopicChanged{topic.name(), name, filter.text, true});
    tell(context, {Right::Subscribe, "subtopic-create", {}, filter.text, name});
    const auto collection = topic.subtopics.find("");
    if (collection != topic.subtopics.end()) {
        const std::uint64_t parent = collection->second->uid;
        batch.expect(Family::Control, node_key(parent), collection->second->revision);
        batch.put_at_revision(
            Family::Control, edge_key(parent, uid_of_this_batch), edge_child_at, ""
        );
        batch.event += encode(Associated{parent, uid_of_this_batch, true});
    }
    return SubtopicUse{nullptr, name};
}

}   // namespace

Checked<SubtopicUse> use_subtopic(
    const BrokerState& broker,
    const Context& context,
    const Node& topic,
    const CanonicalFilter& filter,
    Batch& batch
) {
    // A changed filter makes the subscription one to something else, so that the switch is checked
    // again.
    if (auto error = check_switch(topic, Right::Subscribe)) return *error;
    const auto found = topic.subtopics.find(filter.text);
    if (found == topic.subtopics.end()) return make_subtopic(broker, context, topic, filter, batch);
    const Node& node = *found->second;
    batch.expect(Family::Control, node_key(node.uid), node.revision);
    batch.put(Family::Control, guard_key(node.uid), "");
    return SubtopicUse{&node, node.name()};
}

Checked<std::optional<CanonicalFilter>> canonical_filter(
    const BrokerState& broker, const Node& node, SubscriptionOptions& options
) {
    if (options.filter.empty()) return std::optional<CanonicalFilter>();
    if (!broker.filter || node.config().is_collection() || node.record.topic != 0)
        return refuse(Errc::InvalidOptions, "Subscriptions to this node have no filters.");
    auto filter = broker.filter->canonical(node.name(), options.filter);
    if (!filter) return filter.error();
    options.filter = filter->text;
    return std::optional(std::move(*filter));
}

std::optional<Batch> subtopic_collection(
    const BrokerState& broker, std::string_view name, storage::Millis now
) {
    const Node* topic = broker.memory.find(name);
    if (!topic || topic->record.topic != 0 || topic->config().is_collection() ||
        topic->subtopics.contains(""))
        return std::nullopt;
    const std::string own = topic->name() + std::string(collection_suffix);
    if (broker.memory.find(own)) return std::nullopt;
    NodeRecord record = record_of(*topic, own, now);
    record.config.node_type = NodeType::Collection;
    record.config.title = "Subtopics of " + topic->name();
    Batch batch;
    batch.expect(Family::Control, node_key(topic->uid), topic->revision);
    // Subtopics that come meanwhile would not be in it.
    batch.expect(Family::Control, guard_key(topic->uid), topic->guard);
    batch.put(Family::Control, guard_key(topic->uid), "");
    batch.expect(Family::Control, name_key(own), 0);
    batch.put(Family::Control, name_key(own), encode(NameRecord{}));
    batch.put_at_revision(Family::Control, node_key(uid_of_this_batch), uid_at, encode(record));
    batch.event = encode(NodeCreated{uid_of_this_batch});
    std::size_t gathered = 0;
    for (const auto& [filter, subtopic] : topic->subtopics) {
        if (gathered++ == gathered_max) break;
        batch.expect(Family::Control, node_key(subtopic->uid), subtopic->revision);
        batch.put_at_revision(
            Family::Control, edge_key(uid_of_this_batch, subtopic->uid), uid_at, ""
        );
    }
    for (const auto& [bare, entry] : topic->affiliations) {
        const Affiliation now_is = entry.record.affiliation;
        if (now_is != Affiliation::Owner && !is_publishing(now_is)) continue;
        if (gathered++ == 2 * gathered_max) break;
        Subscription subscription;   // to a collection, without options: its nodes, one deep
        subscription.checked = broker.policy.revision();
        batch.put_at_revision(
            Family::Control,
            subscription_key(uid_of_this_batch, bare, first_subid(topic->uid, bare)), uid_at,
            encode(subscription)
        );
    }
    return batch;
}

Checked<std::string> extract_attributes(
    const BrokerState& broker, const Node& node, const Publish& request, Batch& batch
) {
    const auto made = [](std::string text) {
        return Checked<std::string>(boost::system::in_place_value, std::move(text));
    };
    if (request.payload.empty() || node.record.topic != 0 || !is_filtered_by_broker(broker, node))
        return made({});
    if (broker.filter->expect_declared(batch, node.name(), request.extracted))
        return made(request.extracted);
    // The declarations of the providers have changed since the payload was looked at.
    const auto payload = parse_payload(request.payload);
    if (!payload)
        return refuse(Errc::InvalidPayload, "The payload, as it would be stored, cannot be read.");
    std::string extracted = broker.filter->extract(node.name(), *payload);
    (void)broker.filter->expect_declared(batch, node.name(), extracted);
    return made(std::move(extracted));
}

void tell_purged_subtopics(const Node& topic, Batch& batch) {
    for (const auto& [filter, subtopic] : topic.subtopics)
        if (subtopic->items.size() > 0) batch.event += encode(NodePurged{subtopic->uid});
}

// The Grid protocol's subscription to a subtopic.

/// For the controller, which answers in its own words.
static Reply state_reply(SubscriptionState state) {
    return xml::Element(
        "pubsub", xml::ns::pubsub, {},
        xml::Element("subscription", {{"subscription", std::string(to_string(state))}})
    );
}

Decision decide(const BrokerState& broker, const Context& context, const JoinSubtopic& request) {
    auto granted = grant(broker, context, Right::Subscribe, request.topic);
    if (!granted) return granted.error();
    const Node& topic = *granted->node;
    const std::string_view bare = request.jid.bare_view();
    if (!topic.config().subscribe)
        return unsupported("subscribe", "This node takes no subscriptions.");
    if (is_shut_out(topic.affiliation(bare)))
        return refuse(Errc::Forbidden, "This account may not subscribe to the node.");
    const auto admitted = admission(*granted);
    if (!admitted) return admitted.error();
    Batch batch = start_batch(*granted);
    const auto use = use_subtopic(broker, context, topic, request.filter, batch);
    if (!use) return use.error();
    batch.expect(
        Family::Control, affiliation_key(topic.uid, bare), topic.affiliation_revision(bare)
    );
    const std::string subid = first_subid(use->node ? use->uid() : topic.uid, request.jid.str());
    if (admitted->is_new_member)
        if (auto error = put_member(broker, *granted, batch)) return *error;
    Subscription made;
    made.state = admitted->state;
    made.checked = broker.policy.revision();
    if (use->node) {
        const auto [first, last] = use->node->subscriptions_of(request.jid.str());
        if (first != last) return state_reply(first->second.state);   // is there
        if (auto error = check_subscription_room(broker, *use->node, request.jid, batch))
            return *error;
        put_subscription(broker, context, batch, *use->node, {request.jid.str(), subid}, made);
    } else {
        if (auto error = check_subscription_room(broker, topic, request.jid, batch)) return *error;
        batch.put_at_revision(
            Family::Control, subscription_key(uid_of_this_batch, request.jid.str(), subid), uid_at,
            encode(made)
        );
    }
    batch.event +=
        encode(SubscriptionChanged{use->uid(), request.jid.str(), subid, made.state, false});
    if (made.state == SubscriptionState::Pending) {
        batch.event += encode(ApprovalRequested{use->uid(), request.jid.str(), subid});
        if (use->node) owe_approval(broker, *use->node, {request.jid.str(), subid}, batch);
    }
    return commit(broker, context, *granted, std::move(batch), state_reply(made.state));
}

}   // namespace grid::pubsub
