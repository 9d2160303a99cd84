// pubsub/decide/subscribe.cpp: subscribe and unsubscribe (XEP-0060 §6.1, §6.2, §6.3.7).
#include <algorithm>

#include "pubsub/decide/grant.hpp"
#include "pubsub/decide/redirect.hpp"
#include "pubsub/decide/subscription_change.hpp"
#include "pubsub/decide/subscription_form.hpp"
#include "pubsub/decide/subtopics.hpp"
#include "pubsub/errors.hpp"
#include "pubsub/model/events.hpp"
#include "pubsub/requests/requests.hpp"
#include "xml/namespaces.hpp"

namespace grid::pubsub {

using storage::Batch;
using storage::Family;

namespace {

/// §6.1.2; with the options that came of it where some were asked for (§6.3.7).
Reply subscription_reply(
    const Node& node, const Subscribe& request, const SubscriptionKey& key, const Subscription& made
) {
    xml::Element element = subscription_element(key, made.state, made.expire());
    xml::Element pubsub("pubsub", xml::ns::pubsub, {}, element.set("node", request.node));
    if (!request.has_options) return pubsub;
    const xml::Form form = to_form(options_of(made.options), node.config(), "result");
    pubsub.add(xml::Element("options", xml::ns::pubsub, {}, form.to_element()));
    return pubsub;
}

/// A subscription for another account is checked against that account's rights, and the verdict
/// speaks of those.
std::optional<xml::StanzaError> check_subscriber(
    const BrokerState& broker, const Context& context, Granted& granted, const xml::Jid& jid
) {
    const bool is_own = jid.bare_view() == granted.bare;
    if (!is_own && !granted.is_owner())   // §6.1.3.1
        return refuse(Errc::InvalidJid, "You may subscribe your own addresses only.");
    const Node& node = *granted.node;
    if (!node.config().subscribe)
        return unsupported("subscribe", "This node takes no subscriptions.");
    if (is_shut_out(node.affiliation(jid.bare_view())))
        return refuse(Errc::Forbidden, "This account may not subscribe to the node.");
    if (is_own) return std::nullopt;
    return check_on_behalf(broker, context, granted, jid);
}

/// The subscription that a request means which is not for a new one (§6.1.6): one with the same
/// options. So those who subscribe at each login do not pile them up.
const Subscriptions::value_type* find_same(
    const Node& node, const std::string& jid, const SubscriptionOptions& wanted
) {
    const auto [first, last] = node.subscriptions_of(jid);
    for (auto at = first; at != last; ++at) {
        SubscriptionOptions present = options_of(at->second.options);
        // From before the owner made all subscriptions temporary.
        present.is_temporary = present.is_temporary || node.config().tempsub;
        if (same_but_for_lease(present, wanted)) return &*at;
    }
    return nullptr;
}

/// Renews a lease; and keeps a temporary subscription, which may be about to be removed because an
/// earlier session ended (pubsub/maintenance/endings.hpp). nullopt where there is nothing to write.
std::optional<Subscription> renewed(
    const BrokerState& broker,
    const Context& context,
    const Subscription& present,
    const SubscriptionOptions& wanted
) {
    if (!wanted.is_temporary && wanted.expire == present.expire()) return std::nullopt;
    Subscription next = present;
    set_options(next, wanted, broker.settings, context.now);
    return next;
}

const Subscriptions::value_type* find_unfiltered(const Node& node, const std::string& jid) {
    const auto [first, last] = node.subscriptions_of(jid);
    const auto found = std::find_if(first, last, [](const auto& entry) {
        return options_of(entry.second.options).filter.empty();
    });
    return found == last ? nullptr : &*found;
}

const Subscriptions::value_type* find_waiting(const Node& node, const std::string& jid) {
    const auto [first, last] = node.subscriptions_of(jid);
    const auto found = std::find_if(first, last, [](const auto& entry) {
        return entry.second.state == SubscriptionState::Pending;
    });
    return found == last ? nullptr : &*found;
}

Checked<SubscriptionOptions> options_wanted(
    const BrokerState& broker, const Context& context, const Node& node, const Subscribe& request
) {
    SubscriptionOptions wanted = default_options(node.config());
    if (request.options) {
        auto filled =
            fill_in(wanted, *request.options, broker.settings, node.config(), context.now);
        if (!filled) return filled.error();
        wanted = *filled;
    }
    const bool has_end = wanted.is_temporary || wanted.expire != 0;
    if (has_end || !broker.settings.is_lease_required) return wanted;
    return refuse(   // §6.1.5
        Errc::ConfigurationRequired,
        "Subscribe with <options/>: pubsub#expire must be a date, or `presence`."
    );
}

Decision renew(
    const BrokerState& broker,
    const Context& context,
    const Granted& granted,
    const Subscribe& request,
    const Subscriptions::value_type& same,
    const SubscriptionOptions& wanted
) {
    const auto& [key, present] = same;
    const Node& node = *granted.node;
    const auto next = renewed(broker, context, present, wanted);
    if (!next) return subscription_reply(node, request, key, present);
    Batch batch = start_batch(granted);
    put_subscription(broker, context, batch, node, key, *next);
    return commit(
        broker, context, granted, std::move(batch), subscription_reply(node, request, key, *next)
    );
}

/// §6.1.3.11: the node of that name has moved. Only where the policy lets the actor ask: a refusal
/// says nothing of where the node went.
xml::StanzaError gone_or(
    const BrokerState& broker,
    const Context& context,
    const std::string& name,
    const xml::StanzaError& refusal
) {
    if (!has_code(refusal, Errc::ItemNotFound)) return refusal;
    const MovedName* moved = broker.memory.find_moved(name);
    if (!moved) return refusal;
    const Node* target = redirected_to(broker, moved->uri);
    if (target && !knows(broker, context.actor, *target)) return refusal;
    return gone(moved->uri);
}

/// The state of a subscription that is made now. An owner who subscribes others needs no approval;
/// but what a roster decides an owner decides there.
Checked<Admitted> admit(const BrokerState& broker, const Granted& granted, const xml::Jid& jid) {
    if (jid.bare_view() == granted.bare) return admission(granted);
    if (is_contact_or_listed(broker.contacts, *granted.node, jid.bare_view())) return Admitted{};
    auto error = *check_contact(broker.contacts, *granted.node, jid.bare_view());
    error.text = "No owner's presence or roster lets " + std::string(jid.bare_view()) + " in.";
    return error;
}

/// The answer to a request for a subscription that is there; nullopt: it is for a new one.
std::optional<Decision> subscribe_again(
    const BrokerState& broker,
    const Context& context,
    const Granted& granted,
    const Subscribe& request,
    const SubscriptionOptions& wanted
) {
    if (!broker.settings.is_subscribing_again_same) return std::nullopt;
    const Node& node = *granted.node;
    if (const auto* same = find_same(node, request.jid.str(), wanted))
        return renew(broker, context, granted, request, *same, wanted);
    // A request without options means the subscription that exists, even if its options were
    // changed since.
    if (request.options) return std::nullopt;
    const auto* present = find_unfiltered(node, request.jid.str());
    if (!present) return std::nullopt;
    return subscription_reply(node, request, present->first, present->second);
}

/// The first one contends with that of another session which subscribes at once.
SubscriptionKey new_key(const Context& context, const Node& node, const std::string& jid) {
    SubscriptionKey key{jid, first_subid(node.uid, jid)};
    if (node.subscriptions.contains(key)) key.subid = context.fresh_id;
    return key;
}

}   // namespace

Decision decide(const BrokerState& broker, const Context& context, const Subscribe& request) {
    auto granted = grant(broker, context, Right::Subscribe, request.node);
    if (!granted) return gone_or(broker, context, request.node, granted.error());
    const Node& node = *granted->node;
    const std::string& jid = request.jid.str();
    const std::string_view bare = request.jid.bare_view();

    if (auto error = check_subscriber(broker, context, *granted, request.jid)) return *error;
    auto wanted = options_wanted(broker, context, node, request);
    if (!wanted) return wanted.error();
    const auto filter = canonical_filter(broker, node, *wanted);
    if (!filter) return filter.error();
    const auto* pending = find_waiting(node, jid);
    // A subscription that no roster lets in any more is on its way out.
    if (!pending && is_contact_or_listed(broker.contacts, node, bare))
        if (auto again = subscribe_again(broker, context, *granted, request, *wanted))
            return std::move(*again);
    const SubscriptionKey key = pending ? pending->first : new_key(context, node, jid);
    if (auto error = check_depth(node, {key.jid, key.subid}, *wanted)) return *error;
    const auto admitted = admit(broker, *granted, request.jid);
    if (!admitted) return admitted.error();
    if (pending && admitted->state == SubscriptionState::Pending)   // §6.1.3.5
        return refuse(Errc::PendingSubscription, "An owner has not yet approved this.");

    Batch batch = start_batch(*granted);
    if (*filter) {
        const auto use = use_subtopic(broker, context, node, **filter, batch);
        if (!use) return use.error();
    }
    if (!pending)
        if (auto error = check_subscription_room(broker, node, request.jid, batch)) return *error;
    if (admitted->is_new_member)
        if (auto error = put_member(broker, *granted, batch)) return *error;
    // A request that waited for an owner is granted where none has to be asked any more.
    Subscription made = pending ? pending->second : Subscription{};
    made.state = admitted->state;
    if (!pending || request.options) set_options(made, *wanted, broker.settings, context.now);
    batch.expect(
        Family::Control, affiliation_key(node.rights().uid, bare), node.affiliation_revision(bare)
    );
    put_subscription(broker, context, batch, node, key, made);
    batch.event += encode(SubscriptionChanged{node.uid, jid, key.subid, made.state, true});
    if (made.state == SubscriptionState::Pending) {
        batch.event += encode(ApprovalRequested{node.uid, jid, key.subid});
        owe_approval(broker, node, key, batch);
    }
    return commit(
        broker, context, *granted, std::move(batch), subscription_reply(node, request, key, made)
    );
}

Decision decide(const BrokerState& broker, const Context& context, const Unsubscribe& request) {
    // Leaving needs no right; but a node that may not be discovered stays hidden from outsiders.
    auto granted = find_node(broker, context, Right::Subscribe, request.node);
    if (!granted) return granted.error();
    const Node& node = *granted->node;
    const std::string& jid = request.jid.str();
    const bool is_own = request.jid.bare_view() == granted->bare;
    const auto [first, last] = node.subscriptions_of(jid);
    if ((first == last || !is_own) && !may_discover(broker, context.actor, node))
        return refuse(Errc::ItemNotFound, "There is no node '" + request.node + "'.");
    if (!is_own && !granted->is_owner())   // §6.2.3.3
        return refuse(Errc::Forbidden, "You may unsubscribe your own addresses only.");
    const auto leaving =
        find_subscription(node, jid, request.subid, Errc::NotSubscribedUnsubscribe);
    if (!leaving) return leaving.error();
    if (!is_own) granted->verdict.subject = request.jid.bare_view();
    Batch batch;
    batch.expect(Family::Control, node_key(node.uid), node.revision);
    erase_subscription(broker, batch, node, **leaving, true);
    return commit(broker, context, *granted, std::move(batch));
}

}   // namespace grid::pubsub
