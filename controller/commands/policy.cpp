// controller/commands/policy.cpp: policy-get, policy-set, policy-test.
#include <array>
#include <charconv>

#include "controller/administration/policy_acts.hpp"
#include "controller/commands/forms.hpp"
#include "xml/datetime.hpp"

namespace grid::controller::commands {

using administration::PolicyAnswer;

namespace {

constexpr std::string_view get_node = "com.domain.gi.gcl.controller#policy-get";
constexpr std::string_view set_node = "com.domain.gi.gcl.controller#policy-set";
constexpr std::string_view test_node = "com.domain.gi.gcl.controller#policy-test";

std::vector<std::string> lines_of(std::string_view text) {
    std::vector<std::string> lines;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        lines.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return lines;
}

Step get_policy(const Call& call) {
    const policy::Head& head = call.state.policy.head();
    Done done;
    done.payloads.push_back(result(
        get_node, {{"x-grid#version", {std::to_string(head.version)}},
                   {"x-grid#rules", {std::to_string(call.state.policy.compiled().rules().size())}},
                   {"x-grid#changed",
                    head.version == 0 ? std::vector<std::string>{}
                                      : std::vector<std::string>{xml::to_datetime(head.changed)}},
                   {"x-grid#changed-by", {head.changed_by}},
                   {"x-grid#policy", lines_of(head.text), "text-multi"}}
    ));
    if (head.version == 0)
        done.notes.push_back({"warn", "there is no policy yet: everything is denied"});
    return done;
}

/// The version that the form was made for, so that two administrators do not overwrite each other.
std::optional<std::uint64_t> expected_version(const Call& call, bool& is_number) {
    const std::string text = call.value("x-grid#expect-version");
    std::uint64_t version = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), version);
    is_number = text.empty() || (error == std::errc{} && end == text.data() + text.size());
    if (text.empty() || !is_number) return std::nullopt;
    return version;
}

/// That an earlier step of this stage has made; null: there was none.
policy::DraftPtr draft_in(const Call& call) {
    const auto* made = call.memo ? std::any_cast<policy::DraftPtr>(call.memo.get()) : nullptr;
    return made != nullptr ? *made : nullptr;
}

/// Stage one takes the text; stage two, if it is asked for, shows the effect first.
Step set_policy(const Call& call) {
    const policy::Head& head = call.state.policy.head();
    if (call.is_first()) {
        Ask ask{
            form(set_node, "The policy", "Next checks the text and changes nothing yet."), true
        };
        add_field(ask.form, "x-grid#policy", "text-multi", "Rules", lines_of(head.text));
        add_field(ask.form, "x-grid#expect-version", "hidden", "", {std::to_string(head.version)});
        return ask;
    }
    if (call.field("x-grid#policy") == nullptr)
        return bad_payload("the form must have the rules in x-grid#policy");
    const std::string text = call.text("x-grid#policy");
    bool is_number = false;
    const auto expected = expected_version(call, is_number);
    if (!is_number) return bad_payload("x-grid#expect-version is a number");
    auto step = administration::set_policy(call, text, expected, draft_in(call));
    if (!step) return refusal(step.error().failure);
    if (auto* work = std::get_if<policy::DraftWork>(&*step))
        return First{[work = std::move(*work), memo = call.memo] { *memo = work(); }};
    auto& change = std::get<administration::PolicyChange>(*step);
    const std::string rules = std::to_string(change.rules);
    if (call.forms.size() == 1 && call.wants_next)
        return Ask{
            form(set_node, "The policy parses", rules + " rules. Complete to put it in force.")
        };
    Done done{std::move(change.batch)};
    done.payloads.push_back(result(
        set_node, {{"x-grid#version", {std::to_string(change.version)}}, {"x-grid#rules", {rules}}}
    ));
    return done;
}

Done answer_form(const PolicyAnswer& answer) {
    Done done;
    done.payloads.push_back(result(
        test_node, {{"x-grid#allowed", {answer.allowed ? "1" : "0"}, "boolean"},
                    {"x-grid#rule", {answer.rule}},
                    {"x-grid#line", {std::to_string(answer.line)}},
                    {"x-grid#version", {std::to_string(answer.version)}},
                    {"x-grid#state", {std::string(to_string(answer.state))}},
                    {"x-grid#group", answer.groups, "text-multi"},
                    {"x-grid#why", answer.explain().why, "text-multi"}}
    ));
    if (!answer.is_imagined && answer.state != AccountState::Enabled)
        done.notes.push_back({"warn", "the account is not enabled: nothing is allowed"});
    return done;
}

Ask ask_for_policy_test() {
    Ask ask{form(test_node, "Which rule decides?")};
    add_required(ask.form, "x-grid#identity", "jid-single", "Client");
    add_field(
        ask.form, "x-grid#topic", "text-single",
        "Topic (of all but message; of bulk, or a recipient)"
    );
    add_field(ask.form, "x-grid#recipient", "jid-single", "Recipient (of message or bulk)");
    add_field(
        ask.form, "x-grid#operation", "list-single", "Operation", {"subscribe"},
        {"discover", "create", "publish", "subscribe", "retrieve", "query", "bulk", "manage",
         "message"}
    );
    add_field(
        ask.form, "x-grid#group", "text-multi", "Groups of an imagined client (none: as it is)"
    );
    for (const auto& [var, label] :
         {std::pair{"x-grid#type", "Type of the topic"}, std::pair{"x-grid#service", "Service"},
          std::pair{"x-grid#device-type", "Device type"},
          std::pair{"x-grid#issuer", "Issuer of the certificate"},
          std::pair{"x-grid#network", "Source address"}})
        add_field(ask.form, var, "text-single", std::string(label) + " (none: as it is)");
    return ask;
}

Result<administration::PolicyTest, xml::StanzaError> read_policy_test(const Call& call) {
    auto operation = policy::parse_operation(call.value("x-grid#operation"));
    const std::string topic = call.value("x-grid#topic");
    if (operation == policy::Right::Bulk && topic.empty() &&
        !call.value("x-grid#recipient").empty())
        operation = policy::Right::BulkTo;
    const bool has_recipient = operation && policy::is_about_client(*operation);
    if (!operation || (topic.empty() && !has_recipient))
        return bad_payload("the form must name x-grid#topic and an x-grid#operation");
    const auto jids = accounts_in(call, "x-grid#identity");
    if (!jids) return jids.error();
    const auto groups = groups_in(call, "x-grid#group");
    if (!groups) return groups.error();
    administration::PolicyTest question;
    question.client = jids->front();
    question.operation = *operation;
    question.topic = topic;
    if (has_recipient) {
        const auto recipients = accounts_in(call, "x-grid#recipient");
        if (!recipients) return recipients.error();
        question.recipient = recipients->front();
    }
    question.groups = *groups;
    const auto given = [&](std::string_view var) {
        const std::string text = call.value(var);
        return text.empty() ? std::optional<std::string>{} : std::optional(text);
    };
    question.type = given("x-grid#type");
    question.service = given("x-grid#service");
    question.device = given("x-grid#device-type");
    question.issuer = given("x-grid#issuer");
    question.address = given("x-grid#network");
    return question;
}

/// Never of a draft.
Step test_policy(const Call& call) {
    if (call.is_first()) return ask_for_policy_test();
    const auto question = read_policy_test(call);
    if (!question) return question.error();
    auto step = administration::test_policy(call, *question, nullptr);
    if (!step) return refusal(step.error().failure);
    return Later{[answer = std::get<PolicyAnswer>(std::move(*step))](const storage::Snapshot&) {
        return std::variant<xml::StanzaError, Done>(answer_form(answer));
    }};
}

}   // namespace

std::span<const Command> policy_commands() {
    static constexpr std::array commands{
        Command{get_node, "Show the policy", Act::ReadPolicy, get_policy},
        Command{set_node, "Replace the policy", Act::SetPolicy, set_policy},
        Command{test_node, "Test the policy", Act::AskPolicy, test_policy},
    };
    return commands;
}

}   // namespace grid::controller::commands
