// controller/policy/compiled.hpp: the rules arranged so that a decision looks at few of them.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "controller/accounts/accounts.hpp"
#include "controller/policy/glob.hpp"
#include "controller/policy/rule.hpp"

namespace grid::controller::policy {

/// Immutable once made. The answer is the same as trying the rules one by one, in order.
class Compiled {
public:
    static constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();

    explicit Compiled(Rules rules);
    /// The rule that decides (an index into `rules()`), or `none`: default deny.
    std::uint32_t decide(
        std::string_view client,
        std::span<const std::string> groups,
        Operation operation,
        std::string_view topic
    ) const;
    const Rules& rules() const { return rules_; }

private:
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
    /// The rules for one who, by topic: those without wildcards by name, the others by prefix.
    struct ByTopic {
        TextMap<std::uint32_t> exact;                     // the first rule
        ByPrefix<std::pair<std::uint32_t, Glob>> globs;   // each list in order
        void add(const Rule& rule, std::uint32_t index);
        /// Lowers `best` when an earlier rule fits.
        void find(std::string_view topic, std::uint32_t& best) const;
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
    };
    void add(const Rule& rule, std::uint32_t index, ByWho& to);

    Rules rules_;
    std::array<ByWho, operation_count> by_operation_;
};

}   // namespace grid::controller::policy
