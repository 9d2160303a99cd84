// pubsub/decide/grant.cpp: the order in which rights are looked at, so that nothing leaks.
#include "pubsub/decide/grant.hpp"

#include "pubsub/decide/deeds.hpp"
#include "pubsub/errors.hpp"
#include "pubsub/requests/requests.hpp"
#include "xml/utf8.hpp"

namespace grid::pubsub {

namespace {

xml::StanzaError no_such_node(const std::string& name) {
    return refuse(Errc::ItemNotFound, "There is no node '" + name + "'.");
}

xml::StanzaError denied(Right operation, const std::string& name) {
    return refuse(
        Errc::Forbidden, "The policy of this grid does not let you " +
                             std::string(to_string(operation)) + " at '" + name + "'."
    );
}

Checked<Granted> find_usable(
    const BrokerState& broker, const Context& context, Right operation, const std::string& name
) {
    auto found = find_node(broker, context, operation, name);
    if (!found) return found;
    if (auto error = check_switch(*found->node, operation)) return *error;
    return found;
}

/// Of the service itself, or of one who keeps it.
Verdict own_right(const Principal& actor) {
    return {true, actor.origin == Origin::System ? "system" : "administrator"};
}

}   // namespace

std::optional<xml::StanzaError> check_switch(const Node& node, Right operation) {
    const bool is_use = operation == Right::Publish || operation == Right::Subscribe ||
                        operation == Right::Retrieve;
    if (!is_use || !node.rights().record.is_switched_off) return std::nullopt;
    return refuse(
        Errc::NotAllowed, "An administrator disabled '" + node.rights().name() +
                              "': nobody publishes, subscribes or retrieves there for now."
    );
}

xml::StanzaError answer_for_absent(
    const BrokerState& broker, const Context& context, Right operation, const std::string& name
) {
    // As `grant` asks: names of subtopics in the name of a topic that is there for the actor.
    const std::string_view in = topic_in(name);
    const Node* topic = in.empty() ? nullptr : broker.memory.find(in);
    if (topic && !knows(broker, context.actor, *topic)) topic = nullptr;
    const bool is_allowed =
        is_trusted(broker, context.actor) ||
        (topic ? broker.policy.allows(context.actor, operation, topic->name(), topic->config().type)
               : broker.policy.allows(context.actor, operation, name, {}));
    return is_allowed ? no_such_node(name) : denied(operation, name);
}

Checked<Granted> find_node(
    const BrokerState& broker, const Context& context, Right operation, const std::string& name
) {
    const Node* node = broker.memory.find(name);
    if (!node) return no_such_node(name);
    Granted granted;
    granted.node = node;
    granted.operation = operation;
    granted.name = name;
    granted.bare = context.actor.jid.bare_view();
    granted.contacts = &broker.contacts;
    granted.is_administrator = is_trusted(broker, context.actor);
    granted.affiliation = node->affiliation(granted.bare);
    granted.verdict = granted.is_administrator ? own_right(context.actor) : Verdict{true, "own"};
    return granted;
}

std::optional<xml::StanzaError> check_own(const Node& node) {
    if (node.record.topic == 0) return std::nullopt;
    return refuse(
        Errc::NotAllowed, "This node goes with its topic, '" + std::string(node.governing_name()) +
                              "': what is done to that is done to it."
    );
}

Checked<Granted> grant(
    const BrokerState& broker, const Context& context, Right operation, const std::string& name
) {
    // The policy is asked before the node is looked for. A rule may rest on the type of a node,
    // which an absent one does not have: an actor that does not know of the node gets the answer
    // for an absent one.
    if (is_trusted(broker, context.actor)) return find_usable(broker, context, operation, name);
    const Node* node = find_governing(broker, name);
    const Node* exact = broker.memory.find(name);
    const std::string type = node ? node->config().type : std::string();
    const std::string& asked = node ? node->name() : name;
    Verdict verdict = broker.policy.check(context.actor, operation, asked, type);
    if (!verdict.allowed && operation == Right::Subscribe && exact &&
        is_publisher_collection(*exact, context.actor.jid.bare_view()))
        verdict = broker.policy.check(context.actor, Right::Publish, asked, type);
    if (!verdict.allowed) {
        note_refusal(broker, context, operation, asked, verdict);
        const Node* known = exact ? exact : node;
        if (known && !knows(broker, context.actor, *known))
            return answer_for_absent(broker, context, operation, name);
        return denied(operation, name);
    }
    // The existence of a subtopic would reveal other subscribers' filters, whatever the policy
    // allows at its topic.
    if (exact && operation != Right::Publish && !is_known_subtopic(broker, context.actor, *exact))
        return answer_for_absent(broker, context, operation, name);
    Checked<Granted> found = find_usable(broker, context, operation, name);
    if (found) found->verdict = std::move(verdict);
    return found;
}

Checked<Granted> grant_creation(
    const BrokerState& broker,
    const Context& context,
    const std::string& name,
    std::string_view type
) {
    Granted granted;
    granted.operation = Right::Create;
    granted.name = name;
    granted.bare = context.actor.jid.bare_view();
    granted.is_administrator = is_trusted(broker, context.actor);
    granted.verdict = granted.is_administrator
                          ? own_right(context.actor)
                          : broker.policy.check(context.actor, Right::Create, name, type);
    if (!granted.verdict.allowed) {
        note_refusal(broker, context, Right::Create, name, granted.verdict);
        return denied(Right::Create, name);
    }
    if (!xml::is_nameable(shown_name(name)))
        return refuse(Errc::NotAcceptable, "A NodeID must not have control characters.");
    if (is_command_node(shown_name(name)))
        return refuse(Errc::NotAllowed, "This name is kept for ad-hoc commands: choose another.");
    if (topic_in(name).empty()) return granted;
    // Whether there is that topic or not: it may come, and then needs them.
    return refuse(
        Errc::NotAllowed,
        "Names that end in '#subtopics', or in '/' and 16 of the digits 0-9 a-f, are kept for the "
        "subtopics that the broker makes: choose another name."
    );
}

std::optional<xml::StanzaError> check_on_behalf(
    const BrokerState& broker, const Context& context, Granted& granted, const xml::Jid& subscriber
) {
    Verdict verdict = broker.policy.check_subscriber(
        subscriber, granted.node->governing_name(), granted.node->rights().config().type
    );
    verdict.subject = subscriber.bare_view();
    if (!verdict.allowed && may_receive_events(broker, *granted.node, subscriber)) {
        verdict.allowed = true;
        verdict.rule = "publisher of the topic";
    }
    if (!verdict.allowed) {
        note_refusal(broker, context, Right::Subscribe, granted.name, verdict);
        return refuse(
            Errc::Forbidden, "The policy does not let " + subscriber.str() + " receive this."
        );
    }
    granted.verdict = std::move(verdict);
    return std::nullopt;
}

Checked<Granted> grant_owner(
    const BrokerState& broker, const Context& context, const std::string& name
) {
    Checked<Granted> granted = grant(broker, context, Right::Manage, name);
    if (!granted || granted->is_owner()) return granted;
    note_refusal(broker, context, Right::Manage, name, {false, "not an owner of the node"});
    if (!knows(broker, context.actor, *granted->node))
        return answer_for_absent(broker, context, Right::Manage, name);
    return refuse(Errc::Forbidden, "Only an owner of '" + name + "' may do this.");
}

Checked<Admitted> admission(const Granted& granted) {
    // An administrator, too, gets nothing of a node whose owners do not know its account.
    if (granted.is_administrator && !rests_on_contacts(*granted.node)) return Admitted{};
    const AccessModel model = granted.node->rights().config().access_model;
    if (model == AccessModel::Open || is_listed(granted.affiliation)) return Admitted{};
    if (model == AccessModel::Authorize) return Admitted{SubscriptionState::Pending, false};
    if (rests_on_contacts(*granted.node)) {
        if (auto error = check_contact(*granted.contacts, *granted.node, granted.bare))
            return *error;
        return Admitted{};
    }
    // The policy let the account subscribe, or it would not have come here.
    if (!granted.node->rights().config().is_closed())
        return Admitted{SubscriptionState::Subscribed, true};
    return refuse(Errc::ClosedNode, "You are not on the whitelist of this node.");   // §6.1.3.4
}

std::optional<xml::StanzaError> put_member(
    const BrokerState& broker, const Granted& granted, storage::Batch& batch
) {
    const Node& node = granted.node->rights();
    if (auto error = check_affiliations_room(broker, node, {granted.bare})) return error;
    batch.put(
        storage::Family::Control, affiliation_key(node.uid, granted.bare),
        encode(AffiliationRecord{Affiliation::Member, false})
    );
    return std::nullopt;
}

std::optional<xml::StanzaError> check_affiliations_room(
    const BrokerState& broker, const Node& node, const std::vector<std::string_view>& added
) {
    std::size_t count = node.affiliations.size(), weight = 0;
    for (const std::string_view bare : added) {
        const bool is_new = !node.affiliations.contains(bare);
        count += is_new ? 1 : 0;
        weight += is_new ? Memory::affiliation_weight(bare) : 0;
    }
    const auto full = [](std::string_view whose, std::size_t most, std::string_view key) {
        return refuse(
            Errc::ResourceConstraint, std::string(whose) + " at most " + std::to_string(most) +
                                          " affiliations (" + std::string(key) +
                                          "); an address counts once for each 256 bytes begun."
        );
    };
    const Settings& most = broker.settings;
    if (weight == 0) return std::nullopt;
    if (count > most.affiliations_per_node_max)
        return full(
            "A node has", most.affiliations_per_node_max, "pubsub.affiliations_per_node_max"
        );
    if (!node.record.creator.empty() &&
        broker.memory.made_by(node.record.creator).affiliations + weight >
            most.affiliations_per_account_max)
        return full(
            "The nodes that one account made have", most.affiliations_per_account_max,
            "pubsub.affiliations_per_account_max"
        );
    if (broker.memory.affiliation_count() + weight > most.affiliations_max)
        return full("All nodes have", most.affiliations_max, "pubsub.affiliations_max");
    return std::nullopt;
}

std::optional<xml::StanzaError> check_retrieval(const Granted& granted) {
    if (granted.is_owner() || granted.affiliation == Affiliation::Publisher) return std::nullopt;
    if (is_shut_out(granted.affiliation))
        return refuse(Errc::Forbidden, "You may not read from this node.");   // §6.5.9.9
    const Node& node = *granted.node;
    // An account that was put on a list by another one reads without a subscription.
    if (is_personal(node.name()) && is_listed(granted.affiliation)) return std::nullopt;
    if (rests_on_contacts(node)) {   // §6.5.9.5, §6.5.9.6; a subscription may be on its way out
        if (is_listed(granted.affiliation)) return std::nullopt;
        return check_contact(*granted.contacts, node, granted.bare);
    }
    switch (node.rights().config().access_model) {
        case AccessModel::Open:
            return std::nullopt;
        case AccessModel::Whitelist:
            // §6.5.9.7, unless an owner subscribed an account that is on no list.
            if (node.rights().config().is_closed() && !is_listed(granted.affiliation) &&
                !node.has_subscribed(granted.bare))
                return refuse(Errc::ClosedNode, "You are not on the whitelist of this node.");
            [[fallthrough]];
        default:
            break;
    }
    // §6.5.1: only subscribed entities; one that is pending is not.
    if (node.has_subscribed(granted.bare)) return std::nullopt;
    return refuse(Errc::NotSubscribedItems, "Subscribe to this node before you read from it.");
}

storage::Batch start_batch(const Granted& granted) {
    storage::Batch batch;
    if (!granted.node) return batch;
    // Room for most requests: writes of the item, its payload and the audit; expectations of node,
    // affiliation, account and policy.
    batch.operations.reserve(4);
    batch.expectations.reserve(6);
    batch.expect(storage::Family::Control, node_key(granted.node->uid), granted.node->revision);
    if (const Node* topic = granted.node->topic)
        batch.expect(storage::Family::Control, node_key(topic->uid), topic->revision);
    // An affiliation that is absent counts too: an outcast may be in the queue before us.
    batch.expect(
        storage::Family::Control, affiliation_key(granted.node->rights().uid, granted.bare),
        granted.node->affiliation_revision(granted.bare)
    );
    return batch;
}

Decision commit(
    const BrokerState& broker,
    const Context& context,
    const Granted& granted,
    storage::Batch batch,
    Reply reply
) {
    broker.policy.record_allowed(
        batch, context.actor, deeds_of(context, granted.operation), granted.name, granted.verdict
    );
    return Decision::Change{std::move(batch), std::move(reply)};
}

}   // namespace grid::pubsub
