// pubsub/decide/node_creation.hpp: the batch that makes a node, by request or by a publication.
#pragma once

#include <optional>
#include <string>

#include "pubsub/decide/grant.hpp"
#include "xml/form.hpp"

namespace grid::pubsub {

/// The configuration of a new node of that name: the default, and what the form says.
Checked<NodeConfig> configure_new(
    const BrokerState& broker,
    const Context& context,
    const std::string& name,
    const std::optional<xml::Form>& form
);

/// An owner that gives an access model and says nothing of x-grid#admission wants that model to
/// count. Administrators run the policy, so theirs stays with it.
void infer_admission(
    const BrokerState& broker, const Context& context, const xml::Form& form, NodeConfig& config
);

/// Near the limit, creations that are in the queue together meet. The actor has a share of its own,
/// in which names of its nodes that have moved count, too.
std::optional<xml::StanzaError> check_nodes_room(
    const BrokerState& broker,
    const Context& context,
    const std::string& name,
    storage::Batch& batch
);

/// Everything that makes the node: its name and record, its owner, its place in the graph as the
/// form has it, and the event. Refused when there is no room for it.
Checked<storage::Batch> start_creation(
    const BrokerState& broker,
    const Context& context,
    const std::string& name,
    const NodeConfig& config,
    const std::optional<xml::Form>& form,
    bool is_type_learned = false
);

}   // namespace grid::pubsub
