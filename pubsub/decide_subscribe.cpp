// pubsub/decide_subscribe.cpp: subscribe and unsubscribe (XEP-0060 §6.1, §6.2).
#include "pubsub/access.hpp"
#include "pubsub/errors.hpp"
#include "pubsub/events.hpp"
#include "pubsub/subscription_change.hpp"
#include "pubsub/use_cases.hpp"
#include "xml/namespaces.hpp"

namespace grid::pubsub {

using storage::Batch;
using storage::Family;

namespace {

Reply subscription_reply(
    const std::string& node, const SubscriptionKey& key, SubscriptionState state
) {
    return xml::Element(
        "pubsub", xml::ns::pubsub, {},
        xml::Element(
            "subscription", {{"node", node},
                             {"jid", key.jid},
                             {"subid", key.subid},
                             {"subscription", std::string(to_string(state))}}
        )
    );
}

std::optional<xml::StanzaError> check_subscriber(
    const Broker& broker, const Granted& granted, const xml::Jid& jid
) {
    const bool is_own = jid.bare_view() == granted.bare;
    if (!is_own && !granted.is_administrator)   // §6.1.3.1
        return refuse(Errc::InvalidJid, "You may subscribe your own addresses only.");
    const Node& node = *granted.node;
    if (!node.config().subscribe)
        return unsupported("subscribe", "This node takes no subscriptions.");
    if (is_shut_out(node.affiliation(jid.bare_view())))
        return refuse(Errc::Forbidden, "This account may not subscribe to the node.");
    if (!is_own && !broker.policy.may_receive(jid, granted.name, node.config().type))
        return refuse(Errc::Forbidden, "The policy does not let " + jid.str() + " receive this.");
    return std::nullopt;
}

/// The subscription that is there already decides (§6.1.6: no multi-subscribe).
std::optional<Decision> answer_existing(const Granted& granted, const std::string& jid) {
    const auto [first, last] = granted.node->subscriptions_of(jid);
    if (first == last) return std::nullopt;
    if (first->second.state == SubscriptionState::Pending)
        return Decision(refuse(Errc::PendingSubscription, "An owner has not yet approved this."));
    return Decision(subscription_reply(granted.name, first->first, first->second.state));
}

}   // namespace

Decision decide(const Broker& broker, const Context& context, const Subscribe& request) {
    auto granted = grant(broker, context, Operation::Subscribe, request.node);
    if (!granted) {
        // Only where the policy lets the actor ask: a refusal says nothing of where the node went.
        if (granted.error().condition != "item-not-found") return granted.error();
        const MovedName* moved = broker.memory.find_moved(request.node);
        return moved ? gone(moved->uri) : granted.error();
    }
    const std::string& jid = request.jid.str();
    if (auto error = check_subscriber(broker, *granted, request.jid)) return *error;
    if (auto existing = answer_existing(*granted, jid)) return std::move(*existing);
    const auto state = admission(*granted);
    if (!state) return state.error();

    Batch batch = start_batch(*granted);
    if (auto error = check_subscription_room(broker, *granted->node, request.jid, batch))
        return *error;
    const Node& node = *granted->node;
    const SubscriptionKey key{jid, first_subid(node.uid, jid)};
    const std::string_view bare = request.jid.bare_view();
    batch.expect(Family::Control, affiliation_key(node.uid, bare), node.affiliation_revision(bare));
    put_subscription(broker, batch, node, key, *state);
    const bool is_told = bare != granted->bare;
    batch.event += encode(SubscriptionChanged{node.uid, jid, key.subid, *state, is_told});
    if (*state == SubscriptionState::Pending)
        batch.event += encode(ApprovalRequested{node.uid, jid, key.subid});
    Reply reply = subscription_reply(request.node, key, *state);
    return commit(broker, context, *granted, std::move(batch), std::move(reply));
}

Decision decide(const Broker& broker, const Context& context, const Unsubscribe& request) {
    // Leaving needs no right; but a node that may not be discovered stays hidden from outsiders.
    auto granted = find_node(broker, context, Operation::Subscribe, request.node);
    if (!granted) return granted.error();
    const Node& node = *granted->node;
    const std::string& jid = request.jid.str();
    const bool is_own = request.jid.bare_view() == granted->bare;
    const auto [first, last] = node.subscriptions_of(jid);
    if ((first == last || !is_own) && !may_discover(broker, context.actor, node))
        return refuse(Errc::ItemNotFound, "There is no node '" + request.node + "'.");
    if (!is_own && !granted->is_owner())   // §6.2.3.3
        return refuse(Errc::Forbidden, "You may unsubscribe your own addresses only.");
    if (first == last)
        return refuse(Errc::NotSubscribedUnsubscribe, jid + " is not subscribed to this node.");
    auto leaving = first;
    if (request.subid) {
        leaving = node.subscriptions.find(SubscriptionKeyView{jid, *request.subid});
        if (leaving == node.subscriptions.end())   // §6.2.3.5
            return refuse(Errc::InvalidSubid, "There is no subscription of that subid.");
    } else if (std::next(first) != last) {   // §6.2.3.1
        return refuse(Errc::SubidRequired, "Say which subscription: subid='…'.");
    }
    Batch batch;
    batch.expect(Family::Control, node_key(node.uid), node.revision);
    erase_subscription(batch, node, *leaving, !is_own);
    return commit(broker, context, *granted, std::move(batch));
}

}   // namespace grid::pubsub
