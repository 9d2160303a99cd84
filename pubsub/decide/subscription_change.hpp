// pubsub/decide/subscription_change.hpp: the parts of a batch that make, change and end
// subscriptions.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "pubsub/decide/grant.hpp"
#include "pubsub/errors.hpp"
#include "pubsub/model/state.hpp"
#include "xml/stanza_error.hpp"

namespace grid::pubsub {

/// How many subscriptions may be in the queue at once: below the limit by less than that, the
/// node's guard makes them meet.
inline constexpr std::size_t subscription_slack = 4096;

/// The subscription of that JID which a request means: a subid may be left out while there is one
/// only, and must be right where it is given. `none` says how a JID without any is refused.
Checked<const Subscriptions::value_type*> find_subscription(
    const Node& node, const std::string& jid, const std::optional<std::string>& subid, Errc none
);

/// New subscriptions to the node that are in the batch already.
struct Added {
    std::size_t all = 0, of_account = 0;
};
/// §6.1.3.9. Near a limit of the node or of the account, adds its guard to the batch.
std::optional<xml::StanzaError> check_subscription_room(
    const BrokerState& broker,
    const Node& node,
    const xml::Jid& jid,
    storage::Batch& batch,
    Added added = {}
);

/// XEP-0248 §6.1.3: of each type one subscription to a collection, since a greater depth includes a
/// smaller one. The one of that subid, which is to have these options, does not count.
std::optional<xml::StanzaError> check_depth(
    const Node& node, const SubscriptionKeyView& key, const SubscriptionOptions& wanted
);

/// Whether the access model lets an account of that affiliation keep its subscriptions: by a list,
/// or by an owner's roster.
bool may_keep_subscriptions(
    const Contacts& contacts, const Node& node, std::string_view bare, Affiliation affiliation
);

/// The record that is there, or a new one with the options of who gives none.
Subscription present_or_new(const Node& node, const SubscriptionKey& key);
/// Other options from now on; a lease that ends soon needs no reminder.
void set_options(
    Subscription& subscription,
    const SubscriptionOptions& options,
    const Settings& settings,
    storage::Millis now
);
/// Puts the record of a subscription, expecting the present one: none, or its old state.
void put_subscription(
    const BrokerState& broker,
    const Context& context,
    storage::Batch& batch,
    const Node& node,
    const SubscriptionKey& key,
    Subscription next
);
/// The subscriber hears of the new state (§12.14): now, or at its next login where it is away.
void tell_state(
    const BrokerState& broker,
    storage::Batch& batch,
    const Node& node,
    const SubscriptionKey& key,
    SubscriptionState state
);
/// The subject of notices about a subscription to that node.
std::string subscription_subject(const Node& node);
/// Adds a notice about its subscription, for one that is away. Of a node the newest one counts.
void store_notice(
    const BrokerState& broker,
    storage::Batch& batch,
    const Node& node,
    const std::string& jid,
    std::string inside
);
/// Erases the record, expecting it as it is, and says so in the event. With the notice for one that
/// is away these are two operations.
void erase_subscription(
    const BrokerState& broker,
    storage::Batch& batch,
    const Node& node,
    const Subscriptions::value_type& entry,
    bool is_told
);
/// The same by the service itself, and why: the audit says since when a subscriber hears nothing.
void end_subscription(
    const BrokerState& broker,
    storage::Batch& batch,
    const Node& node,
    const Subscriptions::value_type& entry,
    bool is_told,
    const char* why
);

}   // namespace grid::pubsub
