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

    /// Makes the batch expect the actor's account record, on which its right to administer rests:
    /// of an administrator that is demoted, disabled or moved to another CA before the commit, the
    /// act is decided again, and refused. Every act calls this for its batch, whatever interface
    /// asks. A batch without writes stays empty; the system needs no right.
    void expect_right(storage::Batch& batch) const {
        if (!batch.operations.empty()) state.expect_account(batch, actor());
    }
};

}   // namespace grid::controller::administration
