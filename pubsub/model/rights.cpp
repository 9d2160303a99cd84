// pubsub/model/rights.cpp: see rights.hpp.
#include "pubsub/model/rights.hpp"

namespace grid::pubsub {

/// §6.1.3.2, §6.1.3.3: whether an owner knows the account.
std::optional<xml::StanzaError> check_contact(
    const Contacts& contacts, const Node& node, std::string_view bare
) {
    const NodeConfig& config = node.rights().config();
    const xml::Jid contact = xml::Jid::from_canonical(std::string(bare));
    const bool is_roster = config.access_model == AccessModel::Roster;
    for (const auto& [owner, entry] : node.rights().affiliations) {
        if (entry.record.affiliation != Affiliation::Owner) continue;
        const xml::Jid jid = xml::Jid::from_canonical(owner);
        const bool is_known = is_roster
                                  ? contacts.is_in_group(jid, contact, config.roster_groups_allowed)
                                  : contacts.has_presence_subscription(jid, contact);
        if (is_known) return std::nullopt;
    }
    if (is_roster)
        return refuse(Errc::NotInRosterGroup, "You are in none of the owner's roster groups.");
    return refuse(Errc::PresenceRequired, "You are not subscribed to the owner's presence.");
}

bool rests_on_contacts(const Node& node) {
    const AccessModel model = node.rights().config().access_model;
    return model == AccessModel::Presence || model == AccessModel::Roster;
}

bool is_contact_or_listed(const Contacts& contacts, const Node& node, std::string_view bare) {
    return !rests_on_contacts(node) || is_listed(node.affiliation(bare)) ||
           !check_contact(contacts, node, bare);
}

const Node* find_governing(const BrokerState& broker, const std::string& name) {
    if (const Node* node = broker.memory.find(name)) return &node->rights();
    const std::string_view topic = topic_in(name);
    return topic.empty() ? nullptr : broker.memory.find(topic);
}

bool is_publisher_collection(const Node& node, std::string_view bare) {
    if (node.record.topic == 0 || !node.config().is_collection()) return false;
    const Affiliation affiliation = node.affiliation(bare);
    return affiliation == Affiliation::Owner || is_publishing(affiliation);
}

bool may_receive_events(const BrokerState& broker, const Node& node, const xml::Jid& subscriber) {
    const std::string_view name = node.governing_name();
    const std::string& type = node.rights().config().type;
    if (broker.policy.may_receive(subscriber, name, type)) return true;
    return is_publisher_collection(node, subscriber.bare_view()) &&
           broker.policy.may_publish(subscriber, name, type);
}

bool may_discover(const BrokerState& broker, const Principal& actor, const Node& node) {
    return is_known_subtopic(broker, actor, node) && may_discover_by_policy(broker, actor, node);
}

bool may_discover_by_policy(const BrokerState& broker, const Principal& actor, const Node& node) {
    if (is_trusted(broker, actor)) return true;
    return broker.policy.allows(
        actor, Right::Discover, node.governing_name(), node.rights().config().type
    );
}

bool is_known_subtopic(const BrokerState& broker, const Principal& actor, const Node& node) {
    return !node.is_subtopic() || is_trusted(broker, actor) ||
           is_for_account(broker, node, actor.jid.bare_view());
}

bool is_for_account(const BrokerState& broker, const Node& node, std::string_view bare) {
    if (!node.is_subtopic()) return true;
    // A subtopic that is deleted has left its topic, and its end is still to be told.
    const Node* topic = node.topic ? node.topic : broker.memory.find(node.record.topic);
    if (!topic) return false;
    const Affiliation affiliation = topic->affiliation(bare);
    if (affiliation == Affiliation::Owner || is_publishing(affiliation)) return true;
    bool is_subscribed = false;
    node.each_subscription_of_account(bare, [&](const auto&) { is_subscribed = true; });
    if (is_subscribed) return true;
    const auto found = topic->filtered.find(node.record.filter);
    if (found == topic->filtered.end()) return false;
    auto at = found->second.lower_bound(SubscriptionKeyView{bare, {}});
    for (; at != found->second.end() && at->jid.starts_with(bare); ++at)
        if (bare_of(at->jid) == bare) return true;
    return false;
}

bool knows(const BrokerState& broker, const Principal& actor, const Node& node) {
    if (!is_known_subtopic(broker, actor, node)) return false;
    const std::string_view bare = actor.jid.bare_view();
    if (node.affiliation(bare) != Affiliation::None) return true;
    bool is_subscribed = false;
    node.each_subscription_of_account(bare, [&](const auto&) { is_subscribed = true; });
    return is_subscribed || may_discover_by_policy(broker, actor, node);
}

bool may_be_told_of(const BrokerState& broker, const Principal& actor, const Node& node) {
    if (!is_known_subtopic(broker, actor, node)) return false;
    if (may_discover_by_policy(broker, actor, node)) return true;
    return broker.policy.allows(
        actor, Right::Subscribe, node.governing_name(), node.rights().config().type
    );
}

bool is_trusted(const BrokerState& broker, const Principal& actor) {
    return actor.origin == Origin::System || broker.policy.is_administrator(actor);
}

bool admits_subscriber(const BrokerState& broker, const Node& node, std::string_view bare) {
    // A subtopic is known to those only who filter for it, or publish to its topic.
    if (!is_for_account(broker, node, bare) &&
        !broker.policy.is_administrator_account(xml::Jid::from_canonical(std::string(bare))))
        return false;
    const Affiliation affiliation = node.affiliation(bare);
    if (is_shut_out(affiliation)) return false;
    if (is_listed(affiliation) || node.rights().config().access_model == AccessModel::Open)
        return true;
    if (rests_on_contacts(node)) return !check_contact(broker.contacts, node, bare);
    return node.has_subscribed(bare);
}

}   // namespace grid::pubsub
