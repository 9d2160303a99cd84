// controller/administration/policy_acts.cpp: the policy shown, replaced, rolled back, and asked
// about.
#include "controller/administration/policy_acts.hpp"

#include "controller/text/text.hpp"

namespace grid::controller::administration {

namespace {

PolicyRefusal refusal(Errc code, std::string text) { return {{code, std::move(text), {}}, {}}; }

std::optional<PolicyRefusal> check_version(
    const State& state, std::optional<std::uint64_t> expected
) {
    const std::uint64_t version = state.policy.head().version;
    if (!expected || *expected == version) return std::nullopt;
    return refusal(
        Errc::PolicyChanged, "the policy is at version " + std::to_string(version) + ": look again"
    );
}

PolicyRefusal unparsed(policy::Parsed parsed) {
    PolicyRefusal refused = refusal(
        Errc::PolicyInvalid, "the policy stays as it was: " + parsed.errors.front().to_text()
    );
    refused.errors = std::move(parsed.errors);
    return refused;
}

/// Puts a text that parses in force.
PolicyChange install(
    const ActContext& call,
    const std::string& text,
    const policy::Parsed& parsed,
    std::string_view detail = {}
) {
    const State& state = call.state;
    PolicyChange change{
        state.policy.replace(text, call.context, detail), state.policy.head().version + 1,
        parsed.rules.size()
    };
    call.expect_right(change.batch);
    return change;
}

/// The object of a test, with the values that an Object only looks at.
struct ObjectOf {
    ObjectOf(const State& state, const PolicyTest& test) {
        if (policy::is_about_client(test.operation)) {
            const Account* known = state.accounts.find(test.recipient.bare_view());
            if (known != nullptr) groups = known->groups;
            if (test.recipient_groups) groups = *test.recipient_groups;
            object = {test.recipient.str(), {}, {}, groups};
            return;
        }
        // As the broker asks: of a subtopic in its topic's name.
        topic = state.governing(test.topic);
        const auto node = state.directory.node(topic);
        type = test.type ? *test.type : node ? node->type : std::string();
        object = {topic, type, {}};
    }
    ObjectOf(const ObjectOf&) = delete;
    ObjectOf& operator=(const ObjectOf&) = delete;

    std::string topic, type;
    Groups groups;
    policy::Object object;
};

/// The broker asks administrators for no right to these.
bool is_past_policy(policy::Right operation) {
    return !policy::is_about_client(operation) && operation != policy::Right::Query &&
           operation != policy::Right::Bulk;
}

/// A session's view of the same question.
policy::Question with_session(policy::Question question, const SessionView& session) {
    question.address = policy::parse_address(session.address);
    question.issuer = session.identity.issuer;
    return question;
}

}   // namespace

const policy::Head* find_policy(const State& state, std::optional<std::uint64_t> version) {
    const policy::Head& head = state.policy.head();
    if (!version || *version == head.version) return &head;
    const auto found = state.policy.versions().find(*version);
    return found == state.policy.versions().end() ? nullptr : &found->second;
}

policy::Parsed check_policy(const ActContext& call, const std::string& text) {
    return call.state.policy.parse(text);
}

PolicyOutcome<PolicyChange> set_policy(
    const ActContext& call, const std::string& text, std::optional<std::uint64_t> expect_version
) {
    const State& state = call.state;
    if (auto refused = check_version(state, expect_version)) return *refused;
    // As a pipe leaves it whose writer failed.
    if (trimmed(text).empty())
        return refusal(
            Errc::PolicyInvalid,
            "the policy stays as it was: the text is empty; for a policy that allows nothing "
            "write a comment in it"
        );
    policy::Parsed parsed = state.policy.parse(text);
    if (!parsed.ok()) return unparsed(std::move(parsed));
    return install(call, text, parsed);
}

PolicyOutcome<PolicyChange> roll_back_policy(
    const ActContext& call, std::uint64_t version, std::optional<std::uint64_t> expect_version
) {
    const State& state = call.state;
    if (auto refused = check_version(state, expect_version)) return *refused;
    const policy::Head& head = state.policy.head();
    if (version == head.version)
        return refusal(
            Errc::WrongState, "version " + std::to_string(version) + " is the one in force"
        );
    const policy::Head* earlier = find_policy(state, version);
    if (earlier == nullptr)
        return refusal(
            Errc::UnknownVersion, "version " + std::to_string(version) + " is not kept (any more)"
        );
    // A later server may have dropped what an earlier one understood.
    policy::Parsed parsed = state.policy.parse(earlier->text);
    if (!parsed.ok()) return unparsed(std::move(parsed));
    return install(call, earlier->text, parsed, "as version " + std::to_string(version));
}

PolicyOutcome<PolicyAnswer> test_policy(const ActContext& call, const PolicyTest& test) {
    const State& state = call.state;
    std::shared_ptr<const policy::Policy> draft;
    if (test.text) {
        policy::Parsed parsed = state.policy.parse(*test.text);
        if (!parsed.ok()) return unparsed(std::move(parsed));
        draft = state.policy.imagined(*test.text, call.context.now);
    }
    const policy::Policy& policy = draft ? *draft : state.policy;
    const Account* known = state.accounts.find(test.client.bare_view());
    Account account = known != nullptr ? *known : Account{};
    account.jid = test.client.str();
    if (test.groups) account.groups = *test.groups;
    if (test.device) account.device_type = *test.device;
    if (test.issuer) account.issuer = account.anchor = *test.issuer;

    PolicyAnswer answer;
    answer.is_imagined = test.groups.has_value();
    answer.state = known != nullptr ? known->state : AccountState::Init;
    answer.time = test.time.value_or(policy.head().instant);
    const ObjectOf about(state, test);
    policy::Object object = about.object;
    answer.type = about.type;
    answer.recipient_groups = about.groups;
    if (test.service) object.service = *test.service;
    policy::Question question = policy.question(account, test.operation, object);
    question.minute = policy::minute_of_week(answer.time);
    if (test.address) {
        question.address = policy::parse_address(*test.address);
        if (!question.address)
            return refusal(Errc::MalformedRequest, "'" + *test.address + "' is no IP address");
        answer.address = *test.address;
    } else if (!answer.is_imagined && policy.asks_sessions(test.operation)) {
        // The first one speaks for it, and each for itself.
        for (const SessionView& session : state.sessions.sessions_of(test.client)) {
            const auto asked = with_session(question, session);
            const policy::Match match = policy.of(asked);
            answer.sessions.push_back(
                {session.jid.str(), session.address, *match.rule, match.allowed}
            );
            if (!answer.address.empty()) continue;
            answer.address = session.address;
            question.address = asked.address;
        }
    }
    answer.version = draft ? 0 : policy.head().version;
    const bool may_act = answer.is_imagined || answer.state == AccountState::Enabled;
    if (may_act && account.is_in(administrators_group) && is_past_policy(test.operation)) {
        answer.allowed = true;
        answer.rule = "administrator";
        answer.explanation.why = {"an administrator may do all with topics, whatever the policy"};
        answer.sessions.clear();
    } else {
        const policy::Match match = policy.of(question);
        answer.allowed = match.allowed;
        answer.rule = *match.rule;
        answer.line = match.line;
        answer.explanation = policy::explain(policy.compiled().rules(), question);
    }
    answer.groups = account.groups;
    answer.device = account.device_type;
    answer.issuer = account.issuer;
    return answer;
}

}   // namespace grid::controller::administration
