// controller/administration/schema_acts.hpp: the administrators' acts on schemas. Each
// act is one batch, with its audit record.
#pragma once

#include <functional>
#include <string>

#include "controller/administration/act_context.hpp"
#include "controller/schemas/library.hpp"

namespace grid::controller::administration {

/// Whether a trial is about what is there now.
bool is_current(const State& state, const schemas::Trial& trial);
std::set<std::string> used_documents(const State& state);

/// Puts what the trial changed, or takes away what it misses. The trial has no problem and is
/// current.
storage::Batch store_trial(const ActContext& call, const schemas::Trial& trial);

/// The work before `set_topic_schema`, away from the core strand; empty: none.
std::function<void()> work_before_topic_schema(
    const State& state, const std::string& topic, const std::string& location
);
/// Empty when it is so already. `location` may be empty where the topic has a document, or the
/// providers' declaration names one.
Outcome<storage::Batch> set_topic_schema(
    const ActContext& call, const std::string& topic, schemas::Mode mode, std::string location
);

}   // namespace grid::controller::administration
