// pubsub/options/subscription_fields.hpp: the table of subscription options: a new one is one row
// in it, and its use.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pubsub/options/field.hpp"
#include "pubsub/options/subscription_options.hpp"

namespace grid::pubsub {

using SubscriptionField = OptionField<SubscriptionOptions, Errc::InvalidOptions>;

const std::vector<SubscriptionField>& subscription_fields();

/// The options that differ from the default, by field; empty for the defaults.
std::string encode_options(const SubscriptionOptions& options);
/// Unknown fields are skipped: a later version may have written them.
SubscriptionOptions decode_options(std::string_view bytes);

}   // namespace grid::pubsub
