// controller/policy/compiled.hpp: the rules arranged so that a decision looks at few of them.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "controller/accounts/accounts.hpp"
#include "controller/policy/conditions.hpp"
#include "controller/policy/rule.hpp"
#include "controller/text/glob.hpp"

namespace grid::controller::policy {

/// Immutable once made. The answer is the same as trying the rules one by one, in order.
class Compiled {
public:
    static constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();

    struct Decision {
        std::uint32_t rule = none;   // an index into `rules()`, or `none`: default deny
        /// The same account may get another answer for the same topic: from another network, or
        /// when the topic's type changes. Then it cannot be remembered.
        bool is_conditional = false;
    };

    explicit Compiled(Rules rules);
    Decision decide(const Question& question) const;
    /// Whether any rule allows the client this operation on something, whatever its conditions.
    /// Looks at each rule of the operation that allows.
    bool may_some(const Question& question) const;
    const Rules& rules() const { return rules_; }
    /// How many entries a decision looked at: what it costs, whatever the machine (tests).
    std::uint64_t looked_at() const { return looked_at_; }

    /// Whether any rule about the operation has conditions on sessions (network, issuer), or on
    /// the type of a topic.
    bool asks_sessions(Right operation) const { return of(operation).asks_sessions; }
    bool asks_type(Right operation) const { return of(operation).asks_type; }
    /// The next instant at which a time window opens or closes.
    std::optional<storage::Millis> next_change(storage::Millis after) const {
        return next_boundary(boundaries_, after);
    }

private:
    /// A rule, and where its conditions are (`none`: it has none).
    struct Entry {
        std::uint32_t rule = 0, conditions = none;
    };
    /// Things by the literal text that their pattern begins with, so that a search looks only at
    /// patterns that begin as the text does: one lookup per length that occurs.
    template <class Thing>
    struct ByPrefix {
        std::vector<std::size_t> lengths;   // that occur, ascending
        TextMap<std::vector<Thing>> things;
        std::vector<Thing>& at(const std::string& prefix);
        /// Calls `visit` with every list whose prefix the text begins with.
        template <class Visit>
        void find(std::string_view text, Visit visit) const;
    };
    /// Looked at by the hundred: the pattern itself only when its number fits.
    struct Pattern {
        Entry entry;
        std::uint64_t needs = 0;
        std::uint32_t glob = 0;   // in globs_
    };
    /// The rules for one who, by topic: those without wildcards by name, the others by prefix.
    struct ByTopic {
        TextMap<std::vector<Entry>> exact;    // each list in order, up to one without conditions
        std::vector<Entry> any;               // of any topic; likewise
        TextMap<std::vector<Entry>> groups;   // of recipients; likewise
        ByPrefix<Pattern> globs;              // each list in order
        void add(const Rule& rule, Entry entry, std::vector<Glob>& all);
    };
    struct ByClientPattern {
        std::uint32_t first;   // the first rule below
        Glob client;
        ByTopic topics;
    };
    struct ByWho {
        ByTopic any;
        TextMap<ByTopic> groups, clients;
        ByPrefix<ByClientPattern> client_patterns;   // each list in order
        bool asks_sessions = false, asks_type = false;
    };
    /// A question while it is being decided.
    struct Search;
    void add(const Rule& rule, Entry entry, ByWho& to);
    void find(const ByTopic& topics, Search& search) const;
    /// In order, up to one that fits.
    void try_each(const std::vector<Entry>& entries, Search& search) const;
    /// Whether the search goes on behind this entry in its list.
    bool take(Entry entry, Search& search) const;
    const ByWho& of(Right operation) const {
        return by_operation_.at(static_cast<std::size_t>(operation));
    }

    Rules rules_;
    std::vector<ConditionCheck> conditions_;
    std::vector<Glob> globs_;
    std::vector<std::uint32_t> boundaries_;
    std::array<ByWho, operation_count> by_operation_;
    mutable std::uint64_t looked_at_ = 0;
};

}   // namespace grid::controller::policy
