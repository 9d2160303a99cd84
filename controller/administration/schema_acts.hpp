// controller/administration/schema_acts.hpp: the administrators' acts on schemas, for every
// interface. Each act is one batch, with its audit record.
#pragma once

#include <functional>
#include <string>

#include "controller/errors.hpp"
#include "controller/schemas/library.hpp"
#include "controller/state.hpp"
#include "pubsub/request.hpp"
#include "storage/batch.hpp"

namespace grid::controller::schemas {

/// Whether a trial is about what is there now.
bool is_current(const State& state, const Trial& trial);
std::set<std::string> used_documents(const State& state);

/// Puts what the trial changed, or takes away what it misses. The trial has no problem and is
/// current.
storage::Batch store_trial(const State& state, const Trial& trial, const pubsub::Context& context);

/// The work before `set_topic_schema`, away from the core strand; empty: none.
std::function<void()> work_before(
    const State& state, const std::string& topic, const std::string& location
);
/// Empty when it is so already. `location` may be empty where the topic has a document, or the
/// providers' declaration names one.
Outcome<storage::Batch> set_topic_schema(
    const State& state,
    const std::string& topic,
    Mode mode,
    std::string location,
    const pubsub::Context& context
);

}   // namespace grid::controller::schemas
