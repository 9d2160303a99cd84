// controller/administration/schema_acts.hpp: the administrators' acts on schemas. Each
// act is one batch, with its audit record.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <variant>

#include "controller/administration/act_context.hpp"
#include "controller/schemas/library.hpp"

namespace grid::controller::administration {

/// Documents are tried out on the reader pool before an act on them is decided: the trial to be
/// made and given to the act, or the batch.
using SchemaStep = std::variant<std::function<schemas::Trial()>, storage::Batch>;
struct SchemaRefusal {
    Failure failure;
    std::optional<schemas::Problem> problem;   // of a document that does not compile
};
using SchemaOutcome = Result<SchemaStep, SchemaRefusal>;

/// Stores documents, all or none. `trial` is that of an earlier step, null at first; a trial that
/// is out of date, since another administrator was faster, is made again.
SchemaOutcome store_schemas(
    const ActContext& call,
    const std::map<std::string, std::string>& texts,   // by location
    const schemas::Trial* trial
);
/// `SchemaInUse` while a topic or another document needs it. `trial`: as above.
SchemaOutcome delete_schema(
    const ActContext& call, const std::string& location, const schemas::Trial* trial
);

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
