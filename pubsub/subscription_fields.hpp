// pubsub/subscription_fields.hpp: the table of subscription options: a new one is one row in it,
// and its use.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "pubsub/subscription_options.hpp"

namespace grid::pubsub {

struct OptionChoice {
    const char *value, *label;
};

struct OptionField {
    using Values = std::vector<std::string>;
    /// The values that would have been right.
    using Wanted = std::optional<std::string>;

    std::uint8_t id;   // in records: DO NOT CHANGE
    const char *var, *type, *label;
    std::vector<OptionChoice> choices;
    std::function<Values(const SubscriptionOptions&)> get;
    std::function<Wanted(SubscriptionOptions&, const Values&)> set;
};

const std::vector<OptionField>& option_fields();

}   // namespace grid::pubsub
