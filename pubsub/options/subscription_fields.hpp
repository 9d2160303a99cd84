// pubsub/options/subscription_fields.hpp: the table of subscription options: a new one is one row
// in it, and its use.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "pubsub/options/subscription_options.hpp"

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

/// The options that differ from the default, by field; empty for the defaults.
std::string encode_options(const SubscriptionOptions& options);
/// Unknown fields are skipped: a later version may have written them.
SubscriptionOptions decode_options(std::string_view bytes);

}   // namespace grid::pubsub
