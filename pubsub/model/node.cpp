// pubsub/model/node.cpp: questions to a node.
#include "pubsub/model/node.hpp"

#include <algorithm>

#include "pubsub/ports/personal.hpp"

namespace grid::pubsub {

std::string_view bare_of(std::string_view jid) { return jid.substr(0, jid.find('/')); }

bool narrows(AccessModel model) {
    return model != AccessModel::Open && model != AccessModel::Authorize;
}

bool may_stay(AccessModel model, Affiliation affiliation) {
    if (is_shut_out(affiliation)) return false;
    return !narrows(model) || is_listed(affiliation);
}

std::string_view topic_in(std::string_view name) {
    if (is_personal(name)) return {};
    constexpr std::size_t id_bytes = 16;
    if (name.ends_with(collection_suffix) && name.size() > collection_suffix.size())
        return name.substr(0, name.size() - collection_suffix.size());
    if (name.size() < id_bytes + 2 || name[name.size() - id_bytes - 1] != '/') return {};
    const std::string_view id = name.substr(name.size() - id_bytes);
    if (id.find_first_not_of("0123456789abcdef") != std::string_view::npos) return {};
    return name.substr(0, name.size() - id_bytes - 1);
}

std::string_view Node::governing_name() const {
    return record.topic == 0 ? std::string_view(name()) : topic_in(name());
}

bool Node::is_in_use() const {
    return !subscriptions.empty() || (topic && topic->filtered.contains(record.filter));
}

Affiliation Node::affiliation(std::string_view bare) const {
    const auto& all = rights().affiliations;
    const auto found = all.find(bare);
    return found == all.end() ? Affiliation::None : found->second.record.affiliation;
}

storage::Revision Node::affiliation_revision(std::string_view bare) const {
    const auto& all = rights().affiliations;
    const auto found = all.find(bare);
    return found == all.end() ? 0 : found->second.revision;
}

std::size_t Node::owners() const {
    return static_cast<std::size_t>(std::count_if(
        affiliations.begin(), affiliations.end(),
        [](const auto& entry) { return entry.second.record.affiliation == Affiliation::Owner; }
    ));
}

/// Subscriptions are never in state `unconfigured` here, so all others are pending. The number is a
/// subtraction, not a count, since disco#info shows it for nodes that may have 200,000.
std::size_t Node::subscribed() const { return subscriptions.size() - pending; }

std::pair<Subscriptions::const_iterator, Subscriptions::const_iterator> Node::subscriptions_of(
    std::string_view jid
) const {
    auto first = subscriptions.lower_bound(SubscriptionKeyView{jid, {}});
    auto last = first;
    while (last != subscriptions.end() && last->first.jid == jid) ++last;
    return {first, last};
}

bool Node::has_subscribed(std::string_view bare) const {
    bool found = false;
    each_subscription_of_account(bare, [&](const auto& entry) {
        found = found || delivers_to(entry.first.jid, entry.second);
    });
    return found;
}

bool Node::delivers_to(std::string_view jid, const Subscription& subscription) const {
    if (subscription.state != SubscriptionState::Subscribed) return false;
    const Affiliation now = affiliation(bare_of(jid));
    if (is_shut_out(now) || rights().cleaning.contains(bare_of(jid))) return false;
    // A subscription that an owner or administrator made for an account off the whitelist stays;
    // one from before the node was narrowed does not. Whether a roster lets the account in changes
    // without the node: is_contact_or_listed is asked besides.
    const AccessModel model = rights().config().access_model;
    const bool asks_rosters = model == AccessModel::Presence || model == AccessModel::Roster;
    return !rights().record.is_narrowed || asks_rosters || may_stay(model, now);
}

std::size_t Node::max_items(const Settings& settings) const {
    const std::size_t most =
        is_personal(name()) ? settings.personal.items_per_node_max : settings.max_items_max;
    return static_cast<std::size_t>(std::min<std::uint64_t>(config().max_items, most));
}

std::size_t Node::hidden(const Settings& settings) const {
    const std::size_t most = max_items(settings);
    const std::size_t beyond = items.size() > most ? items.size() - most : 0;
    return hidden_up_to == 0 ? beyond : std::max(beyond, items.rank_after(hidden_up_to));
}

storage::Revision Node::newest_hidden(const Settings& settings) const {
    const std::size_t count = hidden(settings);
    return count == 0 ? 0 : items.at(count - 1).revision;
}

std::size_t Node::expired(storage::Millis now) const {
    if (config().item_expire == no_limit) return 0;
    const auto age = static_cast<storage::Millis>(config().item_expire) * 1000;
    return items.rank_at_time(now - age + 1);
}

std::size_t Node::first_visible(const Settings& settings, storage::Millis now) const {
    return std::max(hidden(settings), expired(now));
}

std::size_t Node::first_retained(const Settings& settings, storage::Millis now) const {
    const Retention& most = settings.archive;
    const std::size_t hidden = this->hidden(settings);
    // Nodes of accounts have no archive.
    if (is_personal(name())) return std::max(hidden, expired(now));
    std::size_t first = items.size() > most.items_max ? items.size() - most.items_max : 0;
    const auto age = storage::Millis{most.days} * 24 * 3600 * 1000;
    first = std::max(first, items.rank_at_time(now - age + 1));
    if (items.payload_bytes() > most.bytes_max) {
        // A lowered bound takes effect in steps, so that no request waits for a walk over all
        // items.
        constexpr std::size_t step = 4096;
        std::uint64_t bytes = items.payload_bytes();
        std::size_t rank = 0;
        for (; rank < std::min(hidden, step) && bytes > most.bytes_max; ++rank)
            bytes -= items.at(rank).payload_bytes;
        first = std::max(first, rank);
    }
    return std::max(std::min(first, hidden), expired(now));
}

bool Node::notifies_evictions() const {
    return config().notify_retract && config().publish_node_full != NodeFull::DiscardOldest;
}

}   // namespace grid::pubsub
