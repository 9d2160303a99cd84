// controller/admin/policy_routes.cpp: the policy by REST: show, replace, check, test.
#include <array>

#include "controller/admin/call.hpp"

namespace grid::controller::admin {

namespace {

json::array to_json(const std::vector<policy::ParseError>& errors) {
    json::array list;
    for (const policy::ParseError& error : errors)
        list.push_back(
            json::object{{"line", error.line}, {"column", error.column}, {"text", error.text}}
        );
    return list;
}

HttpResponse invalid(const policy::Parsed& parsed) {
    const policy::ParseError& first = parsed.errors.front();
    json::object body{
        {"error",
         json::object{
             {"code", row(Errc::PolicyInvalid).code},
             {"text", "the policy stays as it was: " + first.to_text()},
             {"line", first.line},
             {"column", first.column}
         }},
        {"errors", to_json(parsed.errors)}
    };
    return ok(std::move(body), row(Errc::PolicyInvalid).http);
}

HttpDecision show_policy(const Call& call) {
    const policy::Head& head = call.state.policy.head();
    return ok(
        {{"version", head.version},
         {"text", head.text},
         {"rules", call.state.policy.compiled().rules().size()},
         {"changed", head.version == 0 ? json::value(nullptr) : json::value(time_text(head.changed))
         },
         {"changed_by", head.changed_by}}
    );
}

HttpDecision put_policy(const Call& call) {
    const json::object& body = call.request.body;
    const auto text = required_text(body, "text");
    if (!text) return refuse(text.error());
    const auto dry_run = optional_flag(body, "dry_run");
    if (!dry_run) return refuse(dry_run.error());
    const std::uint64_t version = call.state.policy.head().version;
    if (const json::value* expected = body.if_contains("expect_version")) {
        boost::system::error_code error;
        const auto number = expected->to_number<std::uint64_t>(error);
        if (error)
            return refuse({Errc::MalformedRequest, "expected \"expect_version\": a number", {}});
        if (number != version)
            return refuse(
                {Errc::PolicyChanged,
                 "the policy is at version " + std::to_string(version) + ": look again",
                 {}}
            );
    }
    const policy::Parsed parsed = call.state.policy.parse(*text);
    if (!parsed.ok()) return invalid(parsed);
    HttpResponse response =
        ok({{"version", version + 1}, {"rules", parsed.rules.size()}, {"dry_run", *dry_run}});
    if (*dry_run) return response;
    return changed(call.state.policy.replace(*text, call.context), std::move(response));
}

HttpDecision check_policy(const Call& call) {
    const auto text = required_text(call.request.body, "text");
    if (!text) return refuse(text.error());
    const policy::Parsed parsed = call.state.policy.parse(*text);
    return ok(
        {{"ok", parsed.ok()}, {"rules", parsed.rules.size()}, {"errors", to_json(parsed.errors)}}
    );
}

/// Which rule decides, for an account as it is, or for an imagined client in the groups given.
HttpDecision test_policy(const Call& call) {
    const json::object& body = call.request.body;
    const auto client = required_text(body, "client");
    const auto topic = required_text(body, "topic");
    const auto operation_name = required_text(body, "operation");
    const auto groups = optional_groups(body);
    if (!client) return refuse(client.error());
    if (!topic) return refuse(topic.error());
    if (!operation_name) return refuse(operation_name.error());
    if (!groups) return refuse(groups.error());
    const auto operation = policy::parse_operation(*operation_name);
    if (!operation)
        return refuse(
            {Errc::MalformedRequest,
             "operation is discover, create, publish, subscribe, retrieve, query, bulk or manage",
             {}}
        );
    const auto jid = bare_jid(
        client->find('@') == std::string::npos ? *client + "@" + call.state.settings.domain
                                               : *client
    );
    if (!jid) return refuse(jid.error());
    const Account* account = call.state.accounts.find(jid->str());
    const bool is_imagined = groups->has_value();
    Groups in = is_imagined ? **groups : account != nullptr ? account->groups : Groups{};
    const policy::Match match = call.state.policy.of(jid->str(), in, *operation, *topic);
    const AccountState state = account == nullptr ? AccountState::Init : account->state;
    const bool may_act = is_imagined || state == AccountState::Enabled;
    std::string rule = *match.rule;
    if (!may_act) rule = "account " + std::string(to_string(state)) + "; once enabled: " + rule;
    return ok(
        {{"allowed", may_act && match.allowed},
         {"rule", rule},
         {"line", match.line},
         {"version", call.state.policy.head().version},
         {"state", to_string(state)},
         {"groups", admin::to_json(in)},
         {"client", jid->str()}}
    );
}

}   // namespace

std::span<const Route> policy_routes() {
    static const std::array routes{
        Route{"GET", "policy", {}, {}, show_policy},
        Route{"PUT", "policy", {}, {"text", "dry_run", "expect_version"}, put_policy},
        Route{"POST", "policy/check", {}, {"text"}, check_policy},
        Route{"POST", "policy/test", {}, {"client", "groups", "topic", "operation"}, test_policy},
    };
    return routes;
}

}   // namespace grid::controller::admin
