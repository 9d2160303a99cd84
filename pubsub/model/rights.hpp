// pubsub/model/rights.hpp: rights to know, discover and receive a node, as memory and policy say.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "pubsub/errors.hpp"
#include "pubsub/model/state.hpp"

namespace grid::pubsub {

/// The node whose rights count for that name: of a subtopic, also one that is gone, its topic.
const Node* find_governing(const BrokerState& broker, const std::string& name);
/// The collection of a topic's subtopics, of which that account is a publisher by affiliation.
bool is_publisher_collection(const Node& node, std::string_view bare);
/// Whether the policy lets that account be notified of events of the node: it may receive the
/// node's items, or is a publisher of the subtopic's topic (XEP-0248 §5.3.2).
bool may_receive_events(const BrokerState& broker, const Node& node, const xml::Jid& subscriber);
/// The policy's `discover`, and of a subtopic besides what is_known_subtopic says.
bool may_discover(const BrokerState& broker, const Principal& actor, const Node& node);
bool may_discover_by_policy(const BrokerState& broker, const Principal& actor, const Node& node);
/// A subtopic reveals a subscriber's filter: it is visible to the owners and publishers of its
/// topic, for administrators, and for accounts subscribed to it or with its filter. Other nodes:
/// true.
bool is_known_subtopic(const BrokerState& broker, const Principal& actor, const Node& node);
bool is_for_account(const BrokerState& broker, const Node& node, std::string_view bare);
/// Whether the actor may hear that the node exists: it may discover the node, has an affiliation
/// there or a subscription.
bool knows(const BrokerState& broker, const Principal& actor, const Node& node);
/// Whether a notification about another node may name this one: the session may discover it, or
/// subscribe to it.
bool may_be_told_of(const BrokerState& broker, const Principal& actor, const Node& node);
bool is_trusted(const BrokerState& broker, const Principal& actor);
/// Whether the node's own rules let that account receive its items without an owner's approval: it
/// is listed, in the right roster, or was let in already.
bool admits_subscriber(const BrokerState& broker, const Node& node, std::string_view bare);

/// §6.1.3.2, §6.1.3.3: whether an owner knows the account.
std::optional<xml::StanzaError> check_contact(
    const Contacts& contacts, const Node& node, std::string_view bare
);
/// Whether the access model lets the account in by a list, or by an owner's roster; of a model that
/// asks neither: true.
bool is_contact_or_listed(const Contacts& contacts, const Node& node, std::string_view bare);
/// Whether the access model asks about presence or rosters.
bool rests_on_contacts(const Node& node);

}   // namespace grid::pubsub
