// controller/administration/topic_switch.hpp: a topic is switched off and on by an administrator.
#pragma once

#include <string>

#include "controller/errors.hpp"
#include "controller/state.hpp"
#include "pubsub/request.hpp"
#include "storage/batch.hpp"

namespace grid::controller {

/// The batch that switches, with its audit record; without operations when the topic is so already.
/// The caller has checked that the actor is an administrator.
Outcome<storage::Batch> switch_topic(
    const State& state, const std::string& name, bool is_enabled, const pubsub::Context& context
);

}   // namespace grid::controller
