// pubsub/apply_subscription.cpp: memory follows the records of subscriptions: at the node, and
// where else they are looked for.
#include <algorithm>
#include <iterator>

#include "pubsub/memory.hpp"

namespace grid::pubsub {

/// Where a subscription is looked for besides its node: before and after each of its changes.
void Memory::note_subscription(Node& node, const Subscriptions::value_type& entry, bool is_there) {
    const auto& [key, subscription] = entry;
    if (subscription.state == SubscriptionState::Pending) {
        node.pending += is_there ? 1 : std::size_t{0} - 1;
        if (node.pending > 0)
            pending_.insert(node.uid);
        else
            pending_.erase(node.uid);
    }
    note_filter(node, entry, is_there);
    const storage::Millis expire = subscription.expire();
    if (expire == 0) return;
    const bool is_to_remind = !subscription.is_reminded && settings_.lease_reminder_seconds > 0;
    Lease lease{is_to_remind ? expire - settings_.reminder() : expire, node.uid, key};
    if (is_there)
        leases_.insert(std::move(lease));
    else
        leases_.erase(lease);
}

/// A node without filtered subscriptions has no joint ones.
void Memory::note_joint(Node& node, const std::string& jid) {
    if (node.filtered.empty() && node.joint.empty()) return;
    const auto [first, last] = node.subscriptions_of(jid);
    const bool is_filtered = std::any_of(first, last, [](const auto& entry) {
        return !options_of(entry.second.options).filter.empty();
    });
    if (is_filtered && std::next(first) != last)
        node.joint.insert(jid);
    else
        node.joint.erase(jid);
}

void Memory::apply_subscription(const ParsedKey& key, const storage::KeyChange& change) {
    Node& node = this->node(key.uid);
    const auto found = node.subscriptions.find(SubscriptionKeyView{key.name, key.subid});
    const std::string account(bare_of(key.name));
    if (change.record) {
        Subscription subscription = decode_subscription(change.record->value);
        subscription.revision = change.record->revision;
        if (found != node.subscriptions.end()) {
            note_subscription(node, *found, false);
            found->second = std::move(subscription);
            note_subscription(node, *found, true);
            return note_joint(node, found->first.jid);
        }
        const auto [made, is_new] = node.subscriptions.emplace(
            SubscriptionKey{std::string(key.name), std::string(key.subid)}, std::move(subscription)
        );
        note_subscription(node, *made, true);
        note_joint(node, made->first.jid);
        ++subscribed_[account][key.uid];
        ++subscription_count_;
        return note_use(node);
    }
    if (found == node.subscriptions.end()) return;
    note_subscription(node, *found, false);
    node.subscriptions.erase(found);
    note_joint(node, std::string(key.name));
    --subscription_count_;
    note_use(node);
    auto& nodes = subscribed_[account];
    if (--nodes[key.uid] == 0) nodes.erase(key.uid);
    if (nodes.empty()) subscribed_.erase(account);
    note_position(std::string(key.name));
    drop_if_empty(key.uid);
}

}   // namespace grid::pubsub
