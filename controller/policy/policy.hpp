// controller/policy/policy.hpp: the policy in force: head record, versions, verdicts.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "controller/accounts/accounts.hpp"
#include "controller/errors.hpp"
#include "controller/policy/compiled.hpp"
#include "controller/policy/parser.hpp"
#include "controller/policy/verdict_cache.hpp"
#include "pubsub/request.hpp"
#include "storage/batch.hpp"

namespace grid::controller::policy {

/// How many old versions are kept besides the one in force.
inline constexpr std::uint64_t versions_max = 100;

struct Head {
    std::uint64_t version = 0;   // 0: there is no policy yet, everything is denied
    std::string text, changed_by;
    storage::Millis changed = 0;
    /// Up to when time windows were looked at: they are open or closed as they are then. So every
    /// node decides alike, and a commit says when a window opened or closed.
    storage::Millis instant = 0;
    storage::Revision revision = 0;   // of the record; not stored in it
    bool operator==(const Head&) const = default;
};

/// A decision with its reason. `rule` lives as long as the policy in force.
struct Match {
    bool allowed = false;
    std::uint32_t line = 0;   // 0: no rule decided
    const std::string* rule = nullptr;
    bool names_service = false;   // the rule has a condition on the service
};

/// The object of a question. Views, as in Question.
struct Object {
    std::string_view topic, type, service;   // about a client: the recipient's bare JID as topic
    std::span<const std::string> recipient_groups = {};
};
/// The session that asks, as it was seen.
struct SessionFacts {
    std::string_view address, issuer;
    bool has_certificate = true;   // no rule about issuers is met by a session without one
};

class Policy {
public:
    explicit Policy(std::string domain);

    /// `made`: what a version may have become away from the core strand, since it takes long where
    /// there are many rules (drafts.hpp); null, or another version: this one is made here.
    void apply(
        std::string_view rest,
        const std::optional<storage::Record>& record,
        const Policy* made = nullptr
    );
    const Head& head() const { return head_; }
    /// The versions that are kept, the one in force included, by number.
    const std::map<std::uint64_t, Head>& versions() const { return versions_; }
    const Compiled& compiled() const { return rules_->compiled; }
    /// The same, which never changes, for long work away from the core strand.
    std::shared_ptr<const Compiled> shared_compiled() const { return {rules_, &rules_->compiled}; }

    /// For a session of the account: from the cache where it was asked before.
    Match of(
        const Account& account, Right operation, const Object& object, const SessionFacts& session
    ) const;
    /// For the account, whatever session (SessionKnown::Possible, Certain).
    Match of(const Account& account, Right operation, const Object& object, SessionKnown known)
        const;
    /// The rights that all sessions of the account have.
    Match of(const Account& account, Right operation, std::string_view topic) const {
        return of(account, operation, Object{topic, {}, {}}, SessionKnown::Certain);
    }
    /// Decisions about accounts since the start: by operation, denied and allowed. For metrics.
    struct Decided {
        std::uint64_t denied = 0, allowed = 0;
    };
    const std::array<Decided, operation_count>& decided() const { return decided_; }
    /// For any client, imagined ones included.
    Match of(const Question& question) const;
    /// Whether any rule allows the account this operation on something, whatever its conditions.
    bool may_some(const Account& account, Right operation) const;
    /// The facts about the account, at the instant of the policy.
    Question question(const Account& account, Right operation, const Object& object) const;

    /// Whether rules about the operation look at sessions, or at the types of topics.
    bool asks_sessions(Right operation) const;
    bool asks_type(Right operation) const;
    /// Whether a rule names the group.
    std::size_t rules_of(std::string_view group) const;
    const std::map<std::string, std::size_t, std::less<>>& groups() const { return rules_->groups; }

    /// Puts a new version in force; it was parsed before. Expects the present head.
    storage::Batch replace(
        const std::string& text, const pubsub::Context& context, std::string_view why = {}
    ) const;
    /// When a time window opened or closed since the head's instant: the same policy at a later
    /// one. Changes every right that a window gives, at once and on every node.
    std::optional<storage::Batch> due(storage::Millis now) const;
    /// The next instant at which `due` has something.
    std::optional<storage::Millis> next_change() const { return next_change_; }
    /// As if this text were in force from then on; for questions that are not remembered.
    std::shared_ptr<const Policy> imagined(const std::string& text, storage::Millis now) const;
    /// Such a policy, as the version of that number. Any thread.
    static std::shared_ptr<const Policy> imagined(
        std::string domain, std::uint64_t version, const std::string& text, storage::Millis now
    );
    Parsed parse(std::string_view text) const { return policy::parse(text, domain_); }
    const std::string& domain() const { return domain_; }

private:
    static constexpr std::size_t cached_topic_bytes_max = 256;

    /// The rules of one version. Never changes.
    struct RuleSet {
        Compiled compiled;
        std::vector<std::string> names;   // of the rules, as verdicts quote them
        std::map<std::string, std::size_t, std::less<>> groups;   // named by rules, how often
    };
    static std::shared_ptr<const RuleSet> rule_set(const Head& head, const std::string& domain);
    void take(Head head, const Policy* made = nullptr);
    Match match(std::uint32_t rule) const;
    Match remembered(const Account& account, const Question& question) const;
    Match answer(const Account& account, Question asked, const SessionFacts& session) const;
    Match counted(Right operation, Match match) const;
    /// The first rule that decides; where none speaks of `manage`, the one about `create`.
    Compiled::Decision decide(const Question& question) const;

    std::string domain_;
    Head head_;
    std::map<std::uint64_t, Head> versions_;
    std::shared_ptr<const RuleSet> rules_;
    std::uint32_t minute_ = 0;   // of the week, at the head's instant
    std::optional<storage::Millis> next_change_;
    // Of verdicts that hold for every session of the account, and whatever the topic's type is.
    mutable VerdictCache cache_;
    mutable std::array<Decided, operation_count> decided_{};
};

std::string policy_head_key();

}   // namespace grid::controller::policy
