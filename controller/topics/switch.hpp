// controller/topics/switch.hpp: a topic is switched off and on by an administrator.
#pragma once

#include <string>

#include "controller/errors.hpp"
#include "pubsub/request.hpp"
#include "storage/batch.hpp"

#include "controller/controller.hpp"

namespace grid::controller {

/// The batch that switches, with its audit record; without operations when the topic is so already.
/// The caller has checked that the actor is an administrator.
Outcome<storage::Batch> switch_topic(
    const Controller::State& state,
    const std::string& name,
    bool is_enabled,
    const pubsub::Context& context
);

}   // namespace grid::controller
