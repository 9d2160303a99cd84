// controller/gi/history.hpp: the right to the history of a topic in one go: the policy's `bulk` at
// the topic, and the node's own rules for retrieval.
#pragma once

#include <string>

#include "controller/bulk/history.hpp"
#include "controller/state.hpp"
#include "pubsub/request.hpp"

namespace grid::controller::gi {

struct HistoryRight {
    pubsub::HistoryView view;
    std::string rule;   // that allows it
};

/// `context.actor` is entitled. A topic that the actor may not know of is refused like one that is
/// not there: `item-not-found` with `<unknown-capability/>`; where the policy denies, `<denied/>`.
/// `operation`: of the audit record of a denial; empty: nothing goes on record.
Result<HistoryRight, xml::StanzaError> right_to_history(
    const State& state,
    const pubsub::Context& context,
    const pubsub::HistoryWish& wish,
    std::string_view operation
);

}   // namespace grid::controller::gi
