// controller/administration/cluster_acts.hpp: the administrators' acts on the members of a
// cluster.
#pragma once

#include <string>

#include "controller/administration/act_context.hpp"
#include "controller/ports.hpp"

namespace grid::controller::administration {

/// Asks that member to drain, to join again, to lead, or to leave. The member does so after the
/// answer. The act is on record by the queue of audit records, since a cluster without a leader
/// commits nothing.
Outcome<void> ask_member(
    const ActContext& call,
    const ServerInfo& server,
    ClusterControl::Wish wish,
    const std::string& member
);

}   // namespace grid::controller::administration
