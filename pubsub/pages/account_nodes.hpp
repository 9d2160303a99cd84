// pubsub/pages/account_nodes.hpp: the nodes of one account (XEP-0163): which there are, which of
// them others may know of, and their bounds.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pubsub/errors.hpp"
#include "pubsub/model/state.hpp"
#include "xml/element.hpp"
#include "xml/rsm.hpp"

namespace grid::pubsub {

/// Whether the actor may know that the account is there: itself, and the accounts that are
/// subscribed to its presence.
bool knows_account(const BrokerState& broker, const Principal& actor, std::string_view owner);
/// Whether the actor may know of that node of an account: the access model lets it in, or the node
/// asks its owner.
bool is_visible_at_account(const BrokerState& broker, const Principal& actor, const Node& node);

/// The live nodes of the account, in the order of their names.
std::vector<const Node*> nodes_of_account(const BrokerState& broker, std::string_view owner);
/// The account's nodes that the actor may know of, as an answer to disco#items.
Checked<xml::Element> list_nodes_of_account(
    const BrokerState& broker,
    const Principal& actor,
    const std::string& owner,
    const std::optional<xml::RsmRequest>& page
);

/// Whether the account's nodes take an item of that id, with so many bytes, in one of them. Of
/// nodes of the broker nothing is asked.
std::optional<xml::StanzaError> check_account_room(
    const BrokerState& broker, std::string_view node, std::string_view id, std::size_t bytes
);
/// The refusal of one node more than an account may have.
std::optional<xml::StanzaError> check_account_nodes(
    const BrokerState& broker, std::string_view node
);

}   // namespace grid::pubsub
