// controller/rest/schema_routes.cpp: schema documents by REST, and which topic has which.
#include <any>
#include <array>

#include "controller/administration/schema_acts.hpp"
#include "controller/rest/call.hpp"
#include "controller/rest/conditions.hpp"
#include "controller/schemas/schemas.hpp"
#include "xml/utf8.hpp"

namespace grid::controller::rest {

namespace {

using schemas::Trial;

constexpr std::size_t documents_at_once_max = 32;

json::object document_json(
    const std::string& location,
    const schemas::Stored& stored,
    const std::map<std::string, std::vector<std::string>>& users
) {
    const auto used = users.find(location);
    return {
        {"location", location},
        {"namespace", stored.target_namespace},
        {"bytes", stored.text->size()},
        {"topics", used == users.end() ? json::array() : to_json(used->second)}
    };
}

HttpResponse refuse_problem(const schemas::Problem& found) {
    return http_problem(
        400, "schema-invalid", schemas::to_text(found),
        {{"document", found.document}, {"line", found.line}}
    );
}

/// The trial of an earlier step of this request; null: there was none.
const Trial* trial_of(const Call& call) { return std::any_cast<Trial>(call.request.memo.get()); }

/// Makes the trial and keeps it for the next step, or commits the batch.
HttpDecision stepped(const Call& call, administration::SchemaStep step, json::object answer) {
    if (auto* work = std::get_if<0>(&step))
        return HttpDecision::Work{[work = std::move(*work), memo = call.request.memo] {
            *memo = work();
        }};
    return changed(std::get<1>(std::move(step)), ok(std::move(answer)));
}

HttpDecision list_schemas(const Call& call) {
    const std::size_t max = call.page_max();
    const auto library = call.state.schemas.library();
    const auto users = call.state.schemas.users();
    json::array list;
    std::string last;
    auto at = library->documents().upper_bound(call.request.in_query("after"));
    for (; at != library->documents().end() && list.size() < max; ++at) {
        list.push_back(document_json(at->first, at->second, users));
        last = at->first;
    }
    const bool has_more = at != library->documents().end();
    return ok({{"schemas", std::move(list)}, {"next", cursor(has_more ? last : std::string())}});
}

HttpDecision show_schema(const Call& call) {
    const std::string& location = call.request.in_path("location");
    const auto library = call.state.schemas.library();
    const auto found = library->documents().find(location);
    if (found == library->documents().end())
        return refuse({Errc::UnknownSchema, "no schema document " + location, {}});
    json::object body = document_json(location, found->second, call.state.schemas.users());
    body["text"] = *found->second.text;
    return ok(std::move(body));
}

Outcome<std::map<std::string, std::string>> texts_in(const json::object& body) {
    const Failure expected{
        Errc::MalformedRequest,
        "expected \"documents\": [{\"location\", \"text\"}…], 1 to " +
            std::to_string(documents_at_once_max) + ", each location once, of 1 to " +
            std::to_string(schemas::location_bytes_max) + " bytes",
        {}
    };
    const json::value* list = body.if_contains("documents");
    if (list == nullptr || !list->is_array() || list->get_array().empty() ||
        list->get_array().size() > documents_at_once_max)
        return expected;
    std::map<std::string, std::string> texts;
    for (const json::value& one : list->get_array()) {
        if (!one.is_object() || one.get_object().size() != 2) return expected;
        const auto location = required_text(one.get_object(), "location");
        const auto text = required_text(one.get_object(), "text");
        if (!location || !text || location->empty() ||
            location->size() > schemas::location_bytes_max || !xml::is_nameable(*location))
            return expected;
        if (!texts.emplace(*location, *text).second) return expected;
    }
    return texts;
}

HttpDecision put_schemas(const Call& call) {
    auto texts = texts_in(call.request.body);
    if (!texts) return refuse(texts.error());
    const Trial* trial = trial_of(call);
    auto step = administration::store_schemas(call, *texts, trial);
    if (!step) {
        const administration::SchemaRefusal& refusal = step.error();
        return refusal.problem ? refuse_problem(*refusal.problem) : refuse(refusal.failure);
    }
    json::array stored;
    if (std::holds_alternative<storage::Batch>(*step)) {
        const auto users = call.state.schemas.users();
        for (const auto& [location, text] : *texts)
            stored.push_back(document_json(location, trial->result->documents().at(location), users)
            );
    }
    return stepped(call, std::move(*step), {{"schemas", std::move(stored)}});
}

HttpDecision delete_schema(const Call& call) {
    const std::string& location = call.request.in_path("location");
    auto step = administration::delete_schema(call, location, trial_of(call));
    if (!step) return refuse(step.error().failure);
    return stepped(call, std::move(*step), {{"deleted", location}});
}

}   // namespace

HttpDecision put_topic_schema(const Call& call) {
    const std::string& topic = call.request.in_path("name");
    const auto text = required_text(call.request.body, "validation");
    if (!text) return refuse(text.error());
    const auto mode = schemas::parse_mode(*text);
    if (!mode) return refuse({Errc::MalformedRequest, "validation is off, lax or strict", {}});
    const auto given = optional_text(call.request.body, "schema");
    if (!given) return refuse(given.error());
    // A topic that is not there yet gets its name here.
    if (!xml::is_nameable(topic) && !call.broker.node(topic))
        return refuse(
            {Errc::MalformedRequest, "a topic's name is UTF-8 without control characters", {}}
        );
    const std::string location = given->value_or("");
    if (auto work = administration::work_before_topic_schema(call.state, topic, location))
        return HttpDecision::Work{std::move(work)};
    auto batch = administration::set_topic_schema(call, topic, *mode, location);
    if (!batch) return refuse(batch.error());
    return changed(
        std::move(*batch),
        ok({{"name", topic}, {"validation", *text}, {"exists", call.broker.node(topic).has_value()}}
        )
    );
}

std::span<const Route> schema_routes() {
    static const std::array routes{
        Route{"GET", "schemas", {"after", "max"}, {}, list_schemas, Act::ReadSchemas},
        Route{"PUT", "schemas", {}, {"documents"}, put_schemas, Act::EditSchemas},
        Route{"GET", "schemas/{location...}", {}, {}, show_schema, Act::ReadSchemas, schema_tag},
        Route{
            "DELETE", "schemas/{location...}", {}, {}, delete_schema, Act::EditSchemas, schema_tag
        },
    };
    return routes;
}

}   // namespace grid::controller::rest
