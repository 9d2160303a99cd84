// pubsub/decide/subscription_form.hpp: subscription options as a data form, and subscriptions as
// elements.
#pragma once

#include <optional>
#include <string>

#include "pubsub/decide/grant.hpp"
#include "pubsub/model/node.hpp"
#include "pubsub/model/state.hpp"
#include "pubsub/model/subscription.hpp"
#include "pubsub/ports/ports.hpp"
#include "storage/batch.hpp"
#include "xml/element.hpp"
#include "xml/form.hpp"

namespace grid::pubsub {

/// §6.3.3: with the values in force at that kind of node. `type` is `form` or `result`.
xml::Form to_form(const SubscriptionOptions& options, const NodeConfig& node, std::string type);

/// Takes over the fields that are there and keeps the rest (XEP-0004 §3.5); forces what the node
/// forces (§12.5) and shortens a lease to what the service allows (§12.19). Every error is
/// invalid-options (§6.3.6.2); a field that is not known asks for something that would not be done.
Checked<SubscriptionOptions> fill_in(
    SubscriptionOptions options,
    const xml::Form& form,
    const Settings& settings,
    const NodeConfig& node,
    storage::Millis now
);

/// The options of a subscription that is made without any.
SubscriptionOptions default_options(const NodeConfig& node);

/// `<subscription jid subid subscription expiry?/>`, without a node, in its parent's namespace.
xml::Element subscription_element(
    const SubscriptionKey& key, SubscriptionState state, storage::Millis expire
);

/// XEP-0060 §12.14, as it stands in the <message/>; with the end of a lease, if there is one.
std::string subscription_event(
    const Node& node, const SubscriptionKey& key, SubscriptionState state, storage::Millis expire
);

/// §8.6: the owners who are asked at their next login if they are away now, and the form.
Notice approval_notice(const Node& node, const SubscriptionKey& key);
/// Adds it for those who are away.
void owe_approval(
    const BrokerState& broker, const Node& node, const SubscriptionKey& key, storage::Batch& batch
);

/// §8.6: the form that an owner fills in, as text.
std::string approval_form(const Node& node, const SubscriptionKey& key);

}   // namespace grid::pubsub
