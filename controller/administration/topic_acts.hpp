// controller/administration/topic_acts.hpp: the administrators' acts on topics.
#pragma once

#include <string>

#include "controller/administration/act_context.hpp"

namespace grid::controller::administration {

/// Switches a topic off or on; without operations when the topic is so already. While a topic is
/// off, publishes, subscriptions and retrievals are refused.
Outcome<storage::Batch> switch_topic(
    const ActContext& call, const std::string& name, bool is_enabled
);
/// Deletes the node with all its items and subscriptions. The actor need not own it.
Outcome<storage::Batch> delete_topic(const ActContext& call, const std::string& name);

}   // namespace grid::controller::administration
