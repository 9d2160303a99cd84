// controller/policy/policy.hpp: the policy in force: head record, versions, verdicts.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "controller/accounts/accounts.hpp"
#include "controller/errors.hpp"
#include "controller/policy/compiled.hpp"
#include "controller/policy/parser.hpp"
#include "pubsub/request.hpp"
#include "storage/batch.hpp"

namespace grid::controller::policy {

/// How many old versions are kept besides the one in force.
inline constexpr std::uint64_t versions_max = 100;

struct Head {
    std::uint64_t version = 0;   // 0: there is no policy yet, everything is denied
    std::string text, changed_by;
    storage::Millis changed = 0;
    storage::Revision revision = 0;   // of the record; not stored in it
    bool operator==(const Head&) const = default;
};

/// A decision with its reason. `rule` lives as long as the policy in force.
struct Match {
    bool allowed = false;
    std::uint32_t line = 0;   // 0: no rule decided
    const std::string* rule = nullptr;
};

class Policy {
public:
    explicit Policy(std::string domain);

    void apply(std::string_view rest, const std::optional<storage::Record>& record);
    const Head& head() const { return head_; }
    const Compiled& compiled() const { return *compiled_; }

    /// For an account: from the cache where it was asked before.
    Match of(const Account& account, Operation operation, std::string_view topic) const;
    /// For anybody, imagined clients included.
    Match of(
        std::string_view client,
        std::span<const std::string> groups,
        Operation operation,
        std::string_view topic
    ) const;
    /// The account changed: what was remembered of it is forgotten.
    void forget(std::string_view account) const;
    /// Whether a rule names the group.
    std::size_t rules_of(std::string_view group) const;
    const std::map<std::string, std::size_t, std::less<>>& groups() const { return groups_; }

    /// Puts a new version in force; it was parsed before. Expects the present head.
    storage::Batch replace(const std::string& text, const pubsub::Context& context) const;
    Parsed parse(std::string_view text) const { return policy::parse(text, domain_); }

private:
    static constexpr std::size_t cached_max = 64 * 1024;
    static constexpr std::size_t cached_topic_bytes_max = 256;
    static constexpr std::int64_t unknown = -1;
    using Verdicts = std::array<std::int64_t, operation_count>;   // rule, Compiled::none or unknown

    Match match(std::uint32_t rule) const;
    /// The first rule that decides; where none speaks of `manage`, the one about `create`.
    std::uint32_t rule_for(
        std::string_view client,
        std::span<const std::string> groups,
        Operation operation,
        std::string_view topic
    ) const;

    std::string domain_;
    Head head_;
    std::unique_ptr<const Compiled> compiled_;
    std::vector<std::string> names_;   // of the rules, as verdicts quote them
    std::map<std::string, std::size_t, std::less<>> groups_;   // named by rules, how often
    // Verdicts by account and topic. Forgotten as a whole when it is full: a bound, not a choice.
    mutable TextMap<TextMap<Verdicts>> cache_;
    mutable std::size_t cached_ = 0;
};

std::string policy_head_key();

}   // namespace grid::controller::policy
