// pubsub/node_creation.hpp: the batch that makes a node, by request or by a publication.
#pragma once

#include <optional>
#include <string>

#include "pubsub/access.hpp"
#include "xml/form.hpp"

namespace grid::pubsub {

/// The configuration of a new node of that name: the default, and what the form says.
Checked<NodeConfig> configure_new(
    const Broker& broker, const std::string& name, const std::optional<xml::Form>& form
);

/// Near the limit, creations that are in the queue together meet.
std::optional<xml::StanzaError> check_nodes_room(const Broker& broker, storage::Batch& batch);

/// Everything that makes the node: its name and record, its owner, its place in the graph as the
/// form has it, and the event. Refused when there is no room for it.
Checked<storage::Batch> start_creation(
    const Broker& broker,
    const Context& context,
    const std::string& name,
    const NodeConfig& config,
    const std::optional<xml::Form>& form,
    bool is_type_learned = false
);

}   // namespace grid::pubsub
