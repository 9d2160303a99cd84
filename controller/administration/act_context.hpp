// controller/administration/act_context.hpp: the arguments that every act of administration takes.
#pragma once

#include "controller/state.hpp"
#include "pubsub/request.hpp"

namespace grid::controller::administration {

/// The state that an act is about, and the request that asks for it: its actor, its time and its
/// fresh id. The Call of each interface begins with one, so that a Call is passed to an act as it
/// is. Core strand.
struct ActContext {
    const State& state;
    const pubsub::Context& context;

    const pubsub::Principal& actor() const { return context.actor; }
};

}   // namespace grid::controller::administration
