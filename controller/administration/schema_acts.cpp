// controller/administration/schema_acts.cpp: see controller/administration/schema_acts.hpp.
#include "controller/administration/schema_acts.hpp"

#include <algorithm>

#include "controller/audit/record.hpp"

namespace grid::controller::administration {

using schemas::Documents;
using schemas::Mode;
using schemas::TopicSchema;
using schemas::Trial;
using storage::Batch;
using storage::Family;

namespace {

/// All acts meet here, so that no topic is left without its document.
Batch start(const ActContext& call) {
    Batch batch;
    batch.expect(Family::Control, schemas::guard_key(), call.state.schemas.guard());
    batch.put(Family::Control, schemas::guard_key(), "");
    call.expect_right(batch);
    return batch;
}

/// The document that is meant where none is named.
std::string default_document(const State& state, const std::string& topic) {
    if (const TopicSchema* known = state.schemas.topic(topic)) return known->location;
    const Topic* declared = state.directory.topic(topic);
    if (declared == nullptr) return {};
    const Documents& documents = state.schemas.library()->documents();
    if (documents.contains(declared->schema_location)) return declared->schema_location;
    std::vector<std::string> found;
    for (const auto& [location, stored] : documents)
        if (stored.target_namespace == declared->schema_namespace) found.push_back(location);
    return found.size() == 1 ? found.front() : std::string();
}

std::set<std::string> used_documents(const State& state) {
    std::set<std::string> used;
    for (const auto& [location, topics] : state.schemas.users()) used.insert(location);
    return used;
}

/// Whether a trial is about the documents and topics of now.
bool is_current(const State& state, const Trial& trial) {
    return trial.base == state.schemas.library() && trial.used == used_documents(state);
}

/// Puts the documents that the trial changed, and erases those that it does not have any more.
Batch store_trial(const ActContext& call, const Trial& trial) {
    Batch batch = start(call);
    const Documents& before = trial.base->documents();
    const Documents& after = trial.result->documents();
    for (const auto& [location, stored] : after) {
        const auto known = before.find(location);
        if (known != before.end() && known->second == stored) continue;
        batch.put(Family::Control, schemas::document_key(location), encode(stored));
        audit::Record record = audit::by(call.actor(), audit::Outcome::Allow, "schema-store");
        record.target = location;
        record.detail = std::to_string(stored.text->size()) + " bytes, namespace '" +
                        stored.target_namespace + "'";
        audit::append(batch, std::move(record));
    }
    for (const auto& [location, stored] : before) {
        if (after.contains(location)) continue;
        batch.erase(Family::Control, schemas::document_key(location));
        audit::Record record = audit::by(call.actor(), audit::Outcome::Allow, "schema-delete");
        record.target = location;
        audit::append(batch, std::move(record));
    }
    batch.put(Family::Control, schemas::library_key(), "");
    call.state.schemas.expect_soon(trial.result);
    return batch;
}

}   // namespace

SchemaOutcome store_schemas(
    const ActContext& call, const std::map<std::string, std::string>& texts, const Trial* trial
) {
    const State& state = call.state;
    if (trial == nullptr || !is_current(state, *trial))
        return SchemaStep([texts, library = state.schemas.library(), used = used_documents(state)] {
            return schemas::try_documents(library, used, texts);
        });
    if (trial->problem)
        return SchemaRefusal{
            {Errc::SchemaInvalid, schemas::to_text(*trial->problem), {}}, trial->problem
        };
    return SchemaStep(store_trial(call, *trial));
}

SchemaOutcome delete_schema(
    const ActContext& call, const std::string& location, const Trial* trial
) {
    const State& state = call.state;
    const auto refusal = [](Errc code, std::string text) {
        return SchemaRefusal{{code, std::move(text), {}}, {}};
    };
    if (!state.schemas.library()->documents().contains(location))
        return refusal(Errc::UnknownSchema, "no schema document " + location);
    const auto users = state.schemas.users();
    if (const auto used = users.find(location); used != users.end())
        return refusal(
            Errc::SchemaInUse, location + " is the schema of topic " + used->second.front()
        );
    if (trial == nullptr || !is_current(state, *trial))
        return SchemaStep([location, library = state.schemas.library(),
                           used = used_documents(state)] {
            return schemas::try_without(library, used, location);
        });
    if (trial->problem)
        return refusal(
            Errc::SchemaInUse, "others rest on it: " + schemas::to_text(*trial->problem)
        );
    return SchemaStep(store_trial(call, *trial));
}

std::function<void()> work_before_topic_schema(
    const State& state, const std::string& topic, const std::string& location
) {
    const auto library = state.schemas.library();
    const std::string meant = location.empty() ? default_document(state, topic) : location;
    if (meant.empty() || library->is_compiled(meant)) return {};
    return [library, meant] { static_cast<void>(library->schema(meant)); };
}

Outcome<Batch> set_topic_schema(
    const ActContext& call, const std::string& topic, Mode mode, std::string location
) {
    const State& state = call.state;
    const TopicSchema* known = state.schemas.topic(topic);
    if (mode != Mode::Off) {
        if (location.empty()) location = default_document(state, topic);
        if (location.empty())
            return Failure{
                Errc::MalformedRequest, "name the schema document that is for topic " + topic, {}
            };
        const Documents& documents = state.schemas.library()->documents();
        if (!documents.contains(location))
            return Failure{
                Errc::UnknownSchema, "no schema document " + location + ": store it first", {}
            };
        const auto schema = state.schemas.library()->schema(location);
        if (!schema) return Failure{Errc::SchemaInvalid, to_text(schema.error()), {}};
    }
    const TopicSchema next{mode, mode == Mode::Off ? std::string() : location, 0};
    const bool is_same = known == nullptr
                             ? mode == Mode::Off
                             : known->mode == next.mode && known->location == next.location;
    if (is_same) return Batch();
    Batch batch = start(call);
    if (mode == Mode::Off)
        batch.erase(Family::Control, schemas::topic_schema_key(topic));
    else
        batch.put(Family::Control, schemas::topic_schema_key(topic), encode(next));
    audit::Record record = audit::by(call.actor(), audit::Outcome::Allow, "topic-schema");
    record.topic = topic;
    record.detail = std::string(to_string(mode));
    if (mode != Mode::Off) record.detail += ", " + location;
    audit::append(batch, std::move(record));
    return batch;
}

}   // namespace grid::controller::administration
