// controller/requests/history_requests.hpp: the history of a topic by HTTPS: the rights of each
// request.
#pragma once

#include "controller/bulk/history.hpp"
#include "controller/state.hpp"

namespace grid::controller::requests {

/// The answer rests on certificate, account, policy and node of the moment; a URL gives no right. A
/// client that may not know of a topic gets the same refusal as for one that is not there. Refusals
/// by the policy are on record where `is_recorded`. Core strand.
Result<bulk::HistoryGrant, bulk::FileRefusal> ask_history(
    const State& state, const bulk::HistoryQuestion& question, storage::Millis now, bool is_recorded
);
/// The same of a request that goes on: whether the right holds, and by which rule.
pubsub::Verdict still_may_have_history(
    const State& state, const bulk::HistoryQuestion& question, storage::Millis now
);

}   // namespace grid::controller::requests
