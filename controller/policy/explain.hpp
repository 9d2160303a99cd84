// controller/policy/explain.hpp: why the policy decides as it does, rule by rule, for people.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "controller/policy/rule.hpp"

namespace grid::controller::policy {

/// How many rules that nearly fitted are named.
inline constexpr std::size_t near_misses_max = 20;

struct NearMiss {
    std::uint32_t line = 0;
    std::string rule, because;   // the condition that did not hold
};
struct Explanation {
    /// The conditions that fitted in the rule that decides, one each; when no rule does, one line
    /// that says so.
    std::vector<std::string> why;
    /// Earlier rules about this client, operation and topic of which a condition did not hold.
    std::vector<NearMiss> passed_over;
};

/// By trying the rules one after the other: not how decisions are made (Compiled), but the same.
Explanation explain(const Rules& rules, const Question& question);

}   // namespace grid::controller::policy
