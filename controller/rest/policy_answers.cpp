// controller/rest/policy_answers.cpp: questions about a policy by REST: the rule that decides,
// and the rights that it would take away.
#include "controller/rest/policy_answers.hpp"

#include <algorithm>

#include "xml/datetime.hpp"

namespace grid::controller::rest {

using administration::PolicyAnswer;
using administration::PolicyCut;
using administration::PolicyTest;

namespace {

/// The optional texts of a test, or the mistake in one.
std::optional<Failure> read_attributes(const json::object& body, PolicyTest& test) {
    struct Member {
        std::string_view name;
        std::optional<std::string>* to;
    };
    for (const auto& [name, to] :
         {Member{"type", &test.type}, Member{"service", &test.service},
          Member{"device_type", &test.device}, Member{"issuer", &test.issuer},
          Member{"network", &test.address}, Member{"text", &test.text}}) {
        auto value = optional_text(body, name);
        if (!value) return value.error();
        *to = std::move(*value);
    }
    const auto time = optional_text(body, "time");
    if (!time) return time.error();
    if (!*time) return std::nullopt;
    test.time = xml::parse_datetime(**time);
    if (test.time) return std::nullopt;
    return malformed("expected \"time\": a date as 2026-11-02T08:30:00Z");
}

/// A name without a domain is an account of the grid's.
Outcome<xml::Jid> account_in(const Call& call, const std::string& text) {
    return bare_jid(
        text.find('@') == std::string::npos ? text + "@" + call.state.settings.domain : text
    );
}

/// A message is to a client or group, and so may bulk data be; all other operations are about a
/// topic.
std::optional<Failure> read_object(const Call& call, PolicyTest& test) {
    const json::object& body = call.request.body;
    if (test.operation == policy::Right::Bulk && body.contains("recipient"))
        test.operation = policy::Right::BulkTo;
    if (!policy::is_about_client(test.operation)) {
        if (body.contains("recipient") || body.contains("recipient_groups"))
            return malformed(
                "recipient is for the operations message and bulk; the others are about a topic"
            );
        auto topic = required_text(body, "topic");
        if (!topic) return topic.error();
        test.topic = std::move(*topic);
        return std::nullopt;
    }
    if (body.contains("topic"))
        return malformed("the question is about a recipient, not about a topic");
    const auto text = required_text(body, "recipient");
    if (!text) return text.error();
    auto recipient = account_in(call, *text);
    if (!recipient) return recipient.error();
    test.recipient = std::move(*recipient);
    auto groups = optional_groups(body, "recipient_groups");
    if (!groups) return groups.error();
    test.recipient_groups = std::move(*groups);
    return std::nullopt;
}

Outcome<PolicyTest> read_test(const Call& call) {
    const json::object& body = call.request.body;
    PolicyTest test;
    const auto client = required_text(body, "client");
    const auto name = required_text(body, "operation");
    auto groups = optional_groups(body);
    if (!client) return client.error();
    if (!name) return name.error();
    if (!groups) return groups.error();
    const auto operation = policy::parse_operation(*name);
    if (!operation) return malformed("operation is " + policy::operations_text());
    auto jid = account_in(call, *client);
    if (!jid) return jid.error();
    test.client = std::move(*jid);
    test.operation = *operation;
    if (auto failure = read_object(call, test)) return *failure;
    test.groups = std::move(*groups);
    if (auto failure = read_attributes(body, test)) return *failure;
    return test;
}

json::value text_or_null(const std::string& text) {
    return text.empty() ? json::value(nullptr) : json::value(text);
}

json::array misses_json(const std::vector<policy::NearMiss>& misses) {
    json::array list;
    for (const policy::NearMiss& miss : misses)
        list.push_back(
            json::object{{"line", miss.line}, {"rule", miss.rule}, {"because", miss.because}}
        );
    return list;
}

json::array sessions_json(const std::vector<PolicyAnswer::OfSession>& sessions) {
    json::array list;
    for (const auto& session : sessions)
        list.push_back(json::object{
            {"jid", session.jid},
            {"address", session.address},
            {"allowed", session.allowed},
            {"rule", session.rule}
        });
    return list;
}

std::string_view to_string(PolicyCut::Kind kind) {
    if (kind == PolicyCut::Kind::Publisher) return "publisher";
    return kind == PolicyCut::Kind::Session ? "session" : "subscription";
}

HttpResponse test_json(
    const PolicyTest& test, const PolicyAnswer& answer, const policy::Explanation& explanation
) {
    const bool may_act = answer.is_imagined || answer.state == AccountState::Enabled;
    std::string rule = answer.rule;
    if (!may_act)
        rule = "account " + std::string(controller::to_string(answer.state)) +
               "; once enabled: " + rule;
    return ok(
        {{"allowed", may_act && answer.allowed},
         {"rule", rule},
         {"line", answer.line},
         {"why", to_json(explanation.why)},
         {"passed_over", misses_json(explanation.passed_over)},
         {"version", answer.version},
         {"state", controller::to_string(answer.state)},
         {"groups", to_json(answer.groups)},
         {"client", test.client.str()},
         {"recipient", text_or_null(test.recipient.empty() ? "" : test.recipient.str())},
         {"recipient_groups", to_json(answer.recipient_groups)},
         {"type", text_or_null(answer.type)},
         {"device_type", text_or_null(answer.device)},
         {"issuer", text_or_null(answer.issuer)},
         {"network", text_or_null(answer.address)},
         {"time", time_text(answer.time)},
         {"sessions", sessions_json(answer.sessions)}}
    );
}

}   // namespace

policy::DraftPtr draft_in(const Call& call) {
    const auto* made = std::any_cast<policy::DraftPtr>(call.request.memo.get());
    return made != nullptr ? *made : nullptr;
}

HttpDecision make_draft(const Call& call, policy::DraftWork work) {
    return HttpDecision::Work{[work = std::move(work), memo = call.request.memo] { *memo = work(); }
    };
}

HttpDecision test_policy(const Call& call) {
    auto test = read_test(call);
    if (!test) return refuse(test.error());
    auto step = administration::test_policy(call, *test, draft_in(call));
    if (!step) return refuse_policy(step.error());
    if (auto* work = std::get_if<policy::DraftWork>(&*step))
        return make_draft(call, std::move(*work));
    return HttpDecision::Query{[test = std::move(*test),
                                answer = std::get<PolicyAnswer>(std::move(*step)
                                )](const storage::Snapshot&) {
        return std::variant<HttpResponse, HttpResponse>(
            std::in_place_index<1>, test_json(test, answer, answer.explain())
        );
    }};
}

HttpDecision dry_run_policy(const Call& call) {
    const json::object& body = call.request.body;
    const auto text = required_text(body, "text");
    if (!text) return refuse(text.error());
    const auto after = optional_text(body, "after");
    if (!after) return refuse(after.error());
    const auto asked = optional_number(body, "max");
    if (!asked) return refuse(asked.error());
    if (*asked && **asked == 0) return refuse(malformed("max is a number from 1 on"));
    const std::size_t bound = std::max<std::size_t>(call.state.settings.page_max, 1);
    const std::size_t max =
        *asked ? static_cast<std::size_t>(std::min<std::uint64_t>(**asked, bound)) : bound;
    auto step = administration::dry_run_policy(
        call, call.broker, *text, after->value_or(std::string()), max, draft_in(call)
    );
    if (!step) return refuse_policy(step.error());
    if (auto* work = std::get_if<policy::DraftWork>(&*step))
        return make_draft(call, std::move(*work));
    const auto& run = std::get<administration::PolicyDryRun>(*step);
    json::array cuts;
    for (const PolicyCut& cut : run.cuts) {
        json::object entry{{"kind", to_string(cut.kind)}, {"jid", cut.jid}, {"topic", cut.node}};
        if (!cut.subid.empty()) entry["subid"] = cut.subid;
        entry["online"] = cut.is_live;
        entry["rule"] = cut.rule;
        entry["line"] = cut.line;
        cuts.push_back(std::move(entry));
    }
    return ok({{"rules", run.rules}, {"cuts", std::move(cuts)}, {"next", cursor(run.next)}});
}

}   // namespace grid::controller::rest
