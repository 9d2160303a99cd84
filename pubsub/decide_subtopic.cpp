// pubsub/decide_subtopic.cpp: the Grid protocol's subscription to a subtopic.
#include "pubsub/errors.hpp"
#include "pubsub/events.hpp"
#include "pubsub/subscription_change.hpp"
#include "pubsub/subscription_notification.hpp"
#include "pubsub/subtopic.hpp"
#include "xml/namespaces.hpp"

namespace grid::pubsub {

using storage::Batch;
using storage::Family;

/// For the controller, which answers in its own words.
static Reply state_reply(SubscriptionState state) {
    return xml::Element(
        "pubsub", xml::ns::pubsub, {},
        xml::Element("subscription", {{"subscription", std::string(to_string(state))}})
    );
}

Decision decide(const Broker& broker, const Context& context, const JoinSubtopic& request) {
    auto granted = grant(broker, context, Operation::Subscribe, request.topic);
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
