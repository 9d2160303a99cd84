// controller/rest/policy_routes.cpp: the policy by REST: show, replace, roll back, check.
#include <array>
#include <charconv>

#include "controller/rest/conditions.hpp"
#include "controller/rest/policy_answers.hpp"

namespace grid::controller::rest {

namespace {

json::array errors_json(const std::vector<policy::ParseError>& errors) {
    json::array list;
    for (const policy::ParseError& error : errors)
        list.push_back(
            json::object{{"line", error.line}, {"column", error.column}, {"text", error.text}}
        );
    return list;
}

json::value time_or_null(storage::Millis time) {
    return time == 0 ? json::value(nullptr) : json::value(time_text(time));
}

std::optional<std::uint64_t> to_version(std::string_view text) {
    std::uint64_t version = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), version);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return version;
}

HttpDecision show_policy(const Call& call) {
    const policy::Policy& policy = call.state.policy;
    const policy::Head& head = policy.head();
    const auto next = policy.next_change();
    return ok(
        {{"version", head.version},
         {"text", head.text},
         {"rules", policy.compiled().rules().size()},
         {"changed", time_or_null(head.version == 0 ? 0 : head.changed)},
         {"changed_by", head.changed_by},
         {"instant", time_or_null(head.instant)},
         {"next_change", next ? json::value(time_text(*next)) : json::value(nullptr)}}
    );
}

/// Newest first.
HttpDecision list_versions(const Call& call) {
    const auto& versions = call.state.policy.versions();
    const std::string after = call.request.in_query("after");
    auto end = versions.end();
    if (!after.empty()) {
        const auto version = to_version(after);
        if (!version) return refuse({Errc::MalformedRequest, "after is a version", {}});
        end = versions.lower_bound(*version);
    }
    json::array list;
    std::string next;
    while (end != versions.begin()) {
        if (list.size() == call.page_max()) {
            next = std::to_string(end->first);
            break;
        }
        const policy::Head& head = (--end)->second;
        list.push_back(json::object{
            {"version", head.version},
            {"changed", time_or_null(head.changed)},
            {"changed_by", head.changed_by},
            {"bytes", head.text.size()},
            {"in_force", head.version == call.state.policy.head().version}
        });
    }
    return ok({{"versions", std::move(list)}, {"next", cursor(next)}});
}

HttpDecision show_version(const Call& call) {
    const auto version = to_version(call.request.in_path("version"));
    if (!version) return refuse({Errc::MalformedRequest, "a version is a number", {}});
    const policy::Head* head = administration::find_policy(call.state, version);
    if (head == nullptr)
        return refuse(
            {Errc::UnknownVersion,
             "version " + std::to_string(*version) + " is not kept (any more)",
             {}}
        );
    return ok(
        {{"version", head->version},
         {"text", head->text},
         {"changed", time_or_null(head->changed)},
         {"changed_by", head->changed_by},
         {"in_force", head->version == call.state.policy.head().version}}
    );
}

HttpDecision installed(
    const Call& call, administration::PolicyStep<administration::PolicyChange> step, bool dry_run
) {
    if (!step) return refuse_policy(step.error());
    if (auto* work = std::get_if<policy::DraftWork>(&*step))
        return make_draft(call, std::move(*work));
    auto& change = std::get<administration::PolicyChange>(*step);
    HttpResponse response =
        ok({{"version", change.version}, {"rules", change.rules}, {"dry_run", dry_run}});
    if (dry_run) return response;
    return changed(std::move(change.batch), std::move(response));
}

HttpDecision put_policy(const Call& call) {
    const json::object& body = call.request.body;
    const auto text = required_text(body, "text");
    if (!text) return refuse(text.error());
    const auto dry_run = optional_flag(body, "dry_run");
    if (!dry_run) return refuse(dry_run.error());
    const auto expected = optional_number(body, "expect_version");
    if (!expected) return refuse(expected.error());
    return installed(
        call, administration::set_policy(call, *text, *expected, draft_in(call)), *dry_run
    );
}

HttpDecision roll_back(const Call& call) {
    const json::object& body = call.request.body;
    const auto version = optional_number(body, "version");
    if (!version) return refuse(version.error());
    if (!*version) return refuse({Errc::MalformedRequest, "expected \"version\": a number", {}});
    const auto expected = optional_number(body, "expect_version");
    if (!expected) return refuse(expected.error());
    return installed(
        call, administration::roll_back_policy(call, **version, *expected, draft_in(call)), false
    );
}

HttpDecision check_policy(const Call& call) {
    const auto text = required_text(call.request.body, "text");
    if (!text) return refuse(text.error());
    auto step = administration::check_policy(call, *text, draft_in(call));
    if (!step) return refuse_policy(step.error());
    if (auto* work = std::get_if<policy::DraftWork>(&*step))
        return make_draft(call, std::move(*work));
    const policy::Draft& draft = *std::get<policy::DraftPtr>(*step);
    return ok({{"ok", draft.ok()}, {"rules", draft.rules}, {"errors", errors_json(draft.errors)}});
}

}   // namespace

HttpResponse refuse_policy(const administration::PolicyRefusal& refusal) {
    if (refusal.errors.empty()) {
        HttpResponse response = refuse(refusal.failure);
        if (response.status == 429) response.headers = "Retry-After: 1\r\n";
        return response;
    }
    const policy::ParseError& first = refusal.errors.front();
    const ErrorRow& found = row(refusal.failure.code);
    return http_problem(
        found.http, found.http_code, refusal.failure.text,
        {{"line", first.line}, {"column", first.column}, {"errors", errors_json(refusal.errors)}}
    );
}

Outcome<std::optional<std::uint64_t>> optional_number(
    const json::object& body, std::string_view name
) {
    const json::value* value = body.if_contains(name);
    if (value == nullptr) return std::optional<std::uint64_t>{};
    boost::system::error_code error;
    const auto number = value->to_number<std::uint64_t>(error);
    if (error)
        return Failure{
            Errc::MalformedRequest, "expected \"" + std::string(name) + "\": a number", {}
        };
    return std::optional(number);
}

std::span<const Route> policy_routes() {
    static const std::array routes{
        Route{"GET", "policy", {}, {}, show_policy, Act::ReadPolicy, policy_tag},
        Route{
            "PUT",
            "policy",
            {},
            {"text", "dry_run", "expect_version"},
            put_policy,
            Act::SetPolicy,
            policy_tag,
            true
        },
        Route{"GET", "policy/versions", {"after", "max"}, {}, list_versions, Act::ReadPolicy},
        Route{"GET", "policy/versions/{version}", {}, {}, show_version, Act::ReadPolicy},
        Route{
            "POST",
            "policy/rollback",
            {},
            {"version", "expect_version"},
            roll_back,
            Act::SetPolicy,
            policy_tag
        },
        Route{"POST", "policy/check", {}, {"text"}, check_policy, Act::AskPolicy},
        Route{
            "POST",
            "policy/test",
            {},
            {"client", "groups", "topic", "operation", "type", "service", "device_type", "issuer",
             "network", "time", "text", "recipient", "recipient_groups"},
            test_policy,
            Act::AskPolicy
        },
        Route{
            "POST", "policy/dry-run", {}, {"text", "after", "max"}, dry_run_policy, Act::AskPolicy
        },
    };
    return routes;
}

}   // namespace grid::controller::rest
