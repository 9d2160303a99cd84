// pubsub/decide/subscription_change.cpp: see pubsub/decide/subscription_change.hpp.
#include "pubsub/decide/subscription_change.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "pubsub/decide/room_guard.hpp"
#include "pubsub/decide/subscription_form.hpp"
#include "pubsub/model/events.hpp"

namespace grid::pubsub {

using storage::Batch;
using storage::Family;

namespace {

/// §6.1.7: the start of a new subscription, so that the last published item is the first one
/// delivered; 0 where the node does not send it, or has none.
storage::Revision before_last_item(
    const BrokerState& broker, const Node& node, storage::Millis now
) {
    if (node.config().send_last_published_item == SendLast::Never) return 0;
    if (!node.config().persist_items || node.shown(broker.settings, now) == 0) return 0;
    return node.items.at(node.items.size() - 1).revision - 1;
}

}   // namespace

Checked<const Subscriptions::value_type*> find_subscription(
    const Node& node, const std::string& jid, const std::optional<std::string>& subid, Errc none
) {
    const auto [first, last] = node.subscriptions_of(jid);
    if (first == last) return refuse(none, jid + " is not subscribed to this node.");
    if (!subid) {
        if (std::next(first) == last) return &*first;
        return refuse(Errc::SubidRequired, "Say which subscription: subid='…'.");
    }
    const auto found = node.subscriptions.find(SubscriptionKeyView{jid, *subid});
    if (found != node.subscriptions.end()) return &*found;
    return refuse(Errc::InvalidSubid, "There is no subscription of that subid.");
}

std::optional<xml::StanzaError> check_subscription_room(
    const BrokerState& broker, const Node& node, const xml::Jid& jid, Batch& batch, Added added
) {
    const std::size_t node_max = broker.settings.subscriptions_per_node_max;
    const std::size_t account_max = broker.settings.subscriptions_per_account_max;
    const std::size_t of_node = node.subscriptions.size() + added.all;
    if (of_node >= node_max)
        return refuse(
            Errc::TooManySubscriptions,
            "The node takes no more subscriptions (pubsub.subscriptions_per_node_max)."
        );
    const auto [first, last] = node.subscriptions_of(jid.str());
    if (std::cmp_greater_equal(
            std::distance(first, last), broker.settings.subscriptions_per_jid_max
        ))
        return refuse(
            Errc::TooManySubscriptions,
            "This address has too many subscriptions here (pubsub.subscriptions_per_jid_max)."
        );
    const std::size_t of_account =
        broker.memory.subscriptions_of(jid.bare_view()) + added.of_account;
    if (of_account >= account_max)
        return refuse(
            Errc::TooManySubscriptions, "An account has at most " + std::to_string(account_max) +
                                            " subscriptions (pubsub.subscriptions_per_account_max)."
        );
    // Two first subscriptions of an address have the same subid, and meet by that.
    if (first != last || of_account + account_slack >= account_max)
        meet(broker, account_guard("subscriptions", jid.bare_view()), batch);
    // Of several in one batch the first one brings the guard.
    if (of_node + subscription_slack < node_max || added.all > 0) return std::nullopt;
    batch.expect(Family::Control, guard_key(node.uid), node.guard);
    batch.put(Family::Control, guard_key(node.uid), "");
    return std::nullopt;
}

std::optional<xml::StanzaError> check_depth(
    const Node& node, const SubscriptionKeyView& key, const SubscriptionOptions& wanted
) {
    if (!node.config().is_collection()) return std::nullopt;
    const auto type_of = [](const SubscriptionOptions& options) {
        return options.type == SubscriptionType::Default ? SubscriptionType::Nodes : options.type;
    };
    const auto [first, last] = node.subscriptions_of(key.jid);
    const bool has_other_depth = std::any_of(first, last, [&](const auto& entry) {
        const SubscriptionOptions& present = options_of(entry.second.options);
        return entry.first.subid != key.subid && type_of(present) == type_of(wanted) &&
               present.depth != wanted.depth;
    });
    if (!has_other_depth) return std::nullopt;
    return refuse(Errc::NodeExists, "You follow this collection to another depth already.");
}

bool may_keep_subscriptions(
    const Contacts& contacts, const Node& node, std::string_view bare, Affiliation affiliation
) {
    if (may_stay(node.rights().config().access_model, affiliation)) return true;
    return rests_on_contacts(node) && !is_shut_out(affiliation) &&
           !check_contact(contacts, node, bare);
}

Subscription present_or_new(const Node& node, const SubscriptionKey& key) {
    const auto found = node.subscriptions.find(key);
    if (found != node.subscriptions.end()) return found->second;
    Subscription record;
    record.options = share(default_options(node.config()));
    return record;
}

void set_options(
    Subscription& subscription,
    const SubscriptionOptions& options,
    const Settings& settings,
    storage::Millis now
) {
    if (options.expire != subscription.expire())
        subscription.is_reminded =
            options.expire != 0 && options.expire - now <= settings.reminder();
    subscription.options = share(options);
}

void put_subscription(
    const BrokerState& broker,
    const Context& context,
    Batch& batch,
    const Node& node,
    const SubscriptionKey& key,
    Subscription next
) {
    const auto found = node.subscriptions.find(key);
    const Subscription* old = found == node.subscriptions.end() ? nullptr : &found->second;
    const auto wants_any = [](const Subscription& one) {
        return one.is_subscribed() && (one.wants_items() || one.wants_filtered());
    };
    const bool is_owed = old && wants_any(*old);
    const bool will_be_owed = wants_any(next);
    // A subscriber that was delivering before keeps its earlier start; one that begins now starts
    // with this batch.
    next.delivered = 0;
    if (is_owed && will_be_owed)
        next.delivered = owed_from(*old);
    else if (next.is_subscribed() && !(old && old->is_subscribed()) && next.wants_items())
        next.delivered = before_last_item(broker, node, context.now);
    next.checked = broker.policy.revision();
    // A batch that would remove an unused subtopic expects the guard, and so conflicts with this
    // one.
    if (!old && node.is_subtopic()) batch.put(Family::Control, guard_key(node.uid), "");
    std::string at = subscription_key(node.uid, key.jid, key.subid);
    batch.expect(Family::Control, at, old ? old->revision : storage::Revision{0});
    batch.put(Family::Control, std::move(at), encode(next));
}

std::string subscription_subject(const Node& node) { return "subscription " + node.name(); }

void store_notice(
    const BrokerState& broker,
    Batch& batch,
    const Node& node,
    const std::string& jid,
    std::string inside
) {
    broker.policy.store_notice(
        batch, xml::Jid::from_canonical(jid), subscription_subject(node), std::move(inside)
    );
}

void tell_state(
    const BrokerState& broker,
    Batch& batch,
    const Node& node,
    const SubscriptionKey& key,
    SubscriptionState state
) {
    batch.event += encode(SubscriptionChanged{node.uid, key.jid, key.subid, state, true});
    const auto found = node.subscriptions.find(key);
    const bool ends = state == SubscriptionState::None || found == node.subscriptions.end();
    const storage::Millis expire = ends ? 0 : found->second.expire();
    store_notice(broker, batch, node, key.jid, subscription_event(node, key, state, expire));
}

void erase_subscription(
    const BrokerState& broker,
    Batch& batch,
    const Node& node,
    const Subscriptions::value_type& entry,
    bool is_told
) {
    const auto& [key, subscription] = entry;
    std::string at = subscription_key(node.uid, key.jid, key.subid);
    batch.expect(Family::Control, at, subscription.revision);
    batch.erase(Family::Control, std::move(at));
    if (is_told) return tell_state(broker, batch, node, key, SubscriptionState::None);
    batch.event +=
        encode(SubscriptionChanged{node.uid, key.jid, key.subid, SubscriptionState::None, false});
}

void end_subscription(
    const BrokerState& broker,
    Batch& batch,
    const Node& node,
    const Subscriptions::value_type& entry,
    bool is_told,
    const char* why
) {
    erase_subscription(broker, batch, node, entry, is_told);
    const auto jid = xml::Jid::from_canonical(entry.first.jid);
    const Deed deed{Right::Subscribe, "unsubscribe", std::string(jid.bare_view()), why, {}};
    broker.policy.record_allowed(batch, Principal::system(), {deed}, node.name(), {true, "system"});
}

}   // namespace grid::pubsub
