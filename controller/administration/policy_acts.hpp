// controller/administration/policy_acts.hpp: the administrators' acts on the policy, and questions
// about it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "controller/administration/act_context.hpp"
#include "controller/policy/drafts.hpp"
#include "controller/policy/explain.hpp"
#include "pubsub/broker.hpp"
#include "xml/result.hpp"

namespace grid::controller::administration {

/// Why a text does not become the policy. `errors`: where it does not parse; else none.
struct PolicyRefusal {
    Failure failure;
    std::vector<policy::ParseError> errors;
};
template <class T>
using PolicyOutcome = Result<T, PolicyRefusal>;
/// A text is made a draft before an act on it is decided: the work that makes it, for the act to be
/// given, or what comes of the act. `made` is the draft of an earlier step, null at first.
template <class T>
using PolicyStep = PolicyOutcome<std::variant<policy::DraftWork, T>>;

/// The version in force, or an earlier one; null when it is not kept (any more).
const policy::Head* find_policy(const State& state, std::optional<std::uint64_t> version = {});

/// Whether the text would parse as a policy, and its errors.
PolicyStep<policy::DraftPtr> check_policy(
    const ActContext& call, const std::string& text, const policy::DraftPtr& made
);

struct PolicyChange {
    storage::Batch batch;
    std::uint64_t version = 0;   // that it will be
    std::size_t rules = 0;
};
/// Validates the whole text; the batch replaces the one in force. No policy changes the rights of
/// administrators.
PolicyStep<PolicyChange> set_policy(
    const ActContext& call,
    const std::string& text,
    std::optional<std::uint64_t> expect_version,
    const policy::DraftPtr& made
);
/// The text of an earlier version becomes a new one.
PolicyStep<PolicyChange> roll_back_policy(
    const ActContext& call,
    std::uint64_t version,
    std::optional<std::uint64_t> expect_version,
    const policy::DraftPtr& made
);

/// A question for `test_policy`. Values that are not given are those of the account, if there is
/// one.
struct PolicyTest {
    xml::Jid client;   // bare
    policy::Right operation = policy::Right::Discover;
    std::string topic;
    xml::Jid recipient;   // bare; where it is about a client, in place of a topic
    std::optional<Groups> recipient_groups;
    std::optional<std::string> type, service;
    std::optional<Groups> groups;   // given: an imagined client, whatever the account's state
    std::optional<std::string> device, issuer, address;
    std::optional<storage::Millis> time;
    std::optional<std::string> text;   // a policy that is not in force
};
struct PolicyAnswer {
    bool allowed = false, is_imagined = false;
    AccountState state = AccountState::Init;
    std::string rule;
    std::uint32_t line = 0;
    std::uint64_t version = 0;                      // 0: of a text that is not in force
    std::function<policy::Explanation()> explain;   // tries all rules: for the reader pool
    // With what it was answered.
    Groups groups, recipient_groups;
    std::string device, issuer, address, type;
    storage::Millis time = 0;
    /// Of a real client whose sessions may differ: each of them.
    struct OfSession {
        std::string jid, address, rule;
        bool allowed = false;
    };
    std::vector<OfSession> sessions;
};
PolicyStep<PolicyAnswer> test_policy(
    const ActContext& call, const PolicyTest& test, const policy::DraftPtr& made
);

/// A right that a policy would take away from an account that has it now.
struct PolicyCut {
    enum class Kind : std::uint8_t { Subscription, Session, Publisher } kind = Kind::Subscription;
    std::string jid, node, subid;   // a session: its full JID, though the subscription stays
    bool is_live = false;           // a session of it is there now
    std::string rule;               // of the new policy
    std::uint32_t line = 0;
};
struct PolicyDryRun {
    std::size_t rules = 0;
    std::vector<PolicyCut> cuts;
    std::string next;   // cursor; empty: that was all
};
/// Looks at a bounded number of subscriptions and publishers: a page may be empty and not the last.
PolicyStep<PolicyDryRun> dry_run_policy(
    const ActContext& call,
    const pubsub::Broker& broker,
    const std::string& text,
    const std::string& after,
    std::size_t cuts_max,
    const policy::DraftPtr& made
);
/// The draft of that text, or the work that makes it.
PolicyStep<policy::DraftPtr> draft_of(
    const ActContext& call,
    policy::Drafts::Purpose purpose,
    const std::string& text,
    const policy::DraftPtr& made
);
/// The refusal of a text with mistakes.
PolicyRefusal refuse_mistakes(const policy::Draft& draft);

}   // namespace grid::controller::administration
