// controller/policy/rule.hpp: one rule of the policy as a value: effect, who, operations, topics.
#pragma once

#include <bitset>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pubsub/ports.hpp"

namespace grid::controller::policy {

/// Those of the broker and, behind them, those that only the controller decides.
enum class Operation { Discover, Create, Publish, Subscribe, Retrieve, Manage, Query, Bulk };
inline constexpr std::size_t operation_count = 8;
std::string_view to_string(Operation operation);
std::optional<Operation> parse_operation(std::string_view name);
Operation from(pubsub::Operation operation);

struct Rule {
    bool allows = false;
    enum class Who { Any, Groups, Clients } who = Who::Any;
    std::vector<std::string> names;   // of groups, or patterns of bare JIDs
    std::bitset<operation_count> operations;
    std::vector<std::string> topics;   // patterns; empty: any
    std::uint32_t line = 0;
    /// The rule in its plain form, as verdicts and the audit quote it.
    std::string text;
};

using Rules = std::vector<Rule>;

}   // namespace grid::controller::policy
