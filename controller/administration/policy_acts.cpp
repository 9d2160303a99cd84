// controller/administration/policy_acts.cpp: the policy shown, replaced, rolled back, and asked
// about.
#include "controller/administration/policy_acts.hpp"

#include "controller/text/text.hpp"

namespace grid::controller::administration {

using Purpose = policy::Drafts::Purpose;

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

/// Puts a text in force, once it is known to parse.
PolicyStep<PolicyChange> install(
    const ActContext& call,
    const std::string& text,
    const policy::DraftPtr& made,
    std::string_view detail = {}
) {
    auto step = draft_of(call, Purpose::Change, text, made);
    if (!step) return step.error();
    if (auto* work = std::get_if<policy::DraftWork>(&*step)) return std::move(*work);
    const policy::Draft& draft = *std::get<policy::DraftPtr>(*step);
    if (!draft.ok()) return refuse_mistakes(draft);
    const State& state = call.state;
    PolicyChange change{
        state.policy.replace(text, call.context, detail), state.policy.head().version + 1,
        draft.rules
    };
    call.expect_right(change.batch);
    return change;
}

/// The account and the object of a test, with the values that a Question only looks at.
struct FactsOf {
    FactsOf(const State& state, const PolicyTest& test) {
        if (const Account* known = state.accounts.find(test.client.bare_view())) account = *known;
        account.jid = test.client.str();
        if (test.groups) account.groups = *test.groups;
        if (test.device) account.device_type = *test.device;
        if (test.issuer) account.issuer = account.anchor = *test.issuer;
        note_object(state, test);
        if (test.service) object.service = service = *test.service;
    }
    FactsOf(const FactsOf&) = delete;
    FactsOf& operator=(const FactsOf&) = delete;

    void note_object(const State& state, const PolicyTest& test) {
        if (policy::is_about_client(test.operation)) {
            const Account* known = state.accounts.find(test.recipient.bare_view());
            if (known != nullptr) groups = known->groups;
            if (test.recipient_groups) groups = *test.recipient_groups;
            topic = test.recipient.str();
            object = {topic, {}, {}, groups};
            return;
        }
        // As the broker asks: of a subtopic in its topic's name.
        topic = state.governing(test.topic);
        const auto node = state.directory.node(topic);
        type = test.type ? *test.type : node ? node->type : std::string();
        object = {topic, type, {}};
    }

    Account account;
    std::string topic, type, service;
    Groups groups;   // the recipient's
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

/// The answer to a test, by the policy in force or by a draft.
class Answering {
public:
    Answering(const ActContext& call, const PolicyTest& test, policy::DraftPtr draft)
        : state_(call.state),
          test_(test),
          draft_(std::move(draft)),
          policy_(draft_ ? *draft_->policy : state_.policy),
          facts_(std::make_shared<const FactsOf>(state_, test)) {
        const Account* known = state_.accounts.find(test.client.bare_view());
        answer_.is_imagined = test.groups.has_value();
        answer_.state = known != nullptr ? known->state : AccountState::Init;
        answer_.time = test.time.value_or(draft_ ? call.context.now : policy_.head().instant);
        answer_.version = draft_ ? 0 : policy_.head().version;
        answer_.type = facts_->type;
        answer_.recipient_groups = facts_->groups;
        answer_.groups = facts_->account.groups;
        answer_.device = facts_->account.device_type;
        answer_.issuer = facts_->account.issuer;
    }

    PolicyStep<PolicyAnswer> answer() {
        policy::Question question =
            policy_.question(facts_->account, test_.operation, facts_->object);
        question.minute = policy::minute_of_week(answer_.time);
        if (test_.address) {
            question.address = policy::parse_address(*test_.address);
            if (!question.address)
                return refusal(Errc::MalformedRequest, "'" + *test_.address + "' is no IP address");
            answer_.address = *test_.address;
        } else if (!answer_.is_imagined && policy_.asks_sessions(test_.operation)) {
            ask_sessions(question);
        }
        if (is_administrators())
            answer_as_administrator();
        else
            answer_by_policy(question);
        return std::move(answer_);
    }

private:
    /// The first one speaks for the account, and each for itself.
    void ask_sessions(policy::Question& question) {
        for (const SessionView& session : state_.sessions.sessions_of(test_.client)) {
            const auto asked = with_session(question, session);
            const policy::Match match = policy_.of(asked);
            answer_.sessions.push_back(
                {session.jid.str(), session.address, *match.rule, match.allowed}
            );
            if (!answer_.address.empty()) continue;
            answer_.address = session.address;
            question.address = asked.address;
        }
    }
    bool is_administrators() const {
        const bool may_act = answer_.is_imagined || answer_.state == AccountState::Enabled;
        return may_act && facts_->account.is_in(administrators_group) &&
               is_past_policy(test_.operation);
    }
    void answer_as_administrator() {
        answer_.allowed = true;
        answer_.rule = "administrator";
        answer_.sessions.clear();
        answer_.explain = [] {
            return policy::Explanation{
                {"an administrator may do all with topics, whatever the policy"}, {}
            };
        };
    }
    void answer_by_policy(const policy::Question& question) {
        const policy::Match match = policy_.of(question);
        answer_.allowed = match.allowed;
        answer_.rule = *match.rule;
        answer_.line = match.line;
        answer_.explain = [facts = facts_, question, rules = policy_.shared_compiled()] {
            return policy::explain(rules->rules(), question);
        };
    }

    const State& state_;
    const PolicyTest& test_;
    const policy::DraftPtr draft_;
    const policy::Policy& policy_;
    const std::shared_ptr<const FactsOf> facts_;   // at which the question looks
    PolicyAnswer answer_;
};

}   // namespace

const policy::Head* find_policy(const State& state, std::optional<std::uint64_t> version) {
    const policy::Head& head = state.policy.head();
    if (!version || *version == head.version) return &head;
    const auto found = state.policy.versions().find(*version);
    return found == state.policy.versions().end() ? nullptr : &found->second;
}

PolicyRefusal refuse_mistakes(const policy::Draft& draft) {
    PolicyRefusal refused = refusal(
        Errc::PolicyInvalid, "the policy stays as it was: " + draft.errors.front().to_text()
    );
    refused.errors = draft.errors;
    return refused;
}

PolicyStep<policy::DraftPtr> draft_of(
    const ActContext& call, Purpose purpose, const std::string& text, const policy::DraftPtr& made
) {
    const policy::Policy& policy = call.state.policy;
    policy::Drafts& drafts = call.state.drafts;
    if (made && made->text == text) {
        drafts.keep(made);
        return made;
    }
    if (auto kept = drafts.find(text, policy.head().version + 1)) return kept;
    auto work = drafts.begin(purpose, call.actor().jid.bare_view(), text, policy, call.context.now);
    if (work) return work;
    return refusal(
        Errc::TooManyDrafts, "too many policies are being checked at this moment: try again"
    );
}

PolicyStep<policy::DraftPtr> check_policy(
    const ActContext& call, const std::string& text, const policy::DraftPtr& made
) {
    return draft_of(call, Purpose::Question, text, made);
}

PolicyStep<PolicyChange> set_policy(
    const ActContext& call,
    const std::string& text,
    std::optional<std::uint64_t> expect_version,
    const policy::DraftPtr& made
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
    return install(call, text, made);
}

PolicyStep<PolicyChange> roll_back_policy(
    const ActContext& call,
    std::uint64_t version,
    std::optional<std::uint64_t> expect_version,
    const policy::DraftPtr& made
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
    return install(call, earlier->text, made, "as version " + std::to_string(version));
}

PolicyStep<PolicyAnswer> test_policy(
    const ActContext& call, const PolicyTest& test, const policy::DraftPtr& made
) {
    policy::DraftPtr draft;
    if (test.text) {
        auto step = draft_of(call, Purpose::Question, *test.text, made);
        if (!step) return step.error();
        if (auto* work = std::get_if<policy::DraftWork>(&*step)) return std::move(*work);
        draft = std::get<policy::DraftPtr>(*step);
        if (!draft->ok()) return refuse_mistakes(*draft);
    }
    return Answering(call, test, draft).answer();
}

}   // namespace grid::controller::administration
