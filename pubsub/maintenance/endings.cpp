// pubsub/maintenance/endings.cpp: see endings.hpp.
#include "pubsub/maintenance/endings.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "pubsub/decide/subscription_change.hpp"
#include "pubsub/model/rights.hpp"
#include "pubsub/requests/requests.hpp"

namespace grid::pubsub {

using storage::Batch;
using storage::Family;

namespace {

constexpr storage::Millis window_ms = 24 * 3600 * 1000;
constexpr std::size_t counts_max = 10'000;

constexpr std::size_t endings_per_batch = 20;
constexpr std::size_t nodes_per_look = 256, endings_per_look = 1'024, orphans_per_look = 1'024;
constexpr std::size_t contacts_per_look = 1'024;

/// §12.5: because the subscriber asked for it, or because the node's owner did for all.
bool is_temporary(const Node& node, const Subscription& subscription) {
    return node.config().tempsub || options_of(subscription.options).is_temporary;
}

/// "The relevant publisher" is the account that published the newest item. Null: no publisher's
/// leaving purges the node.
const std::string* publisher_for_purge(const Memory& memory, const Node& node) {
    if (node.record.is_deleted || !node.config().purge_offline || node.config().is_collection() ||
        node.items.size() == 0)
        return nullptr;
    return &memory.publisher(node.items.at(node.items.size() - 1));
}

/// A batch for one record: its conflict holds up no other.
Batch lease_batch(
    const BrokerState& broker,
    const Node& node,
    const Subscriptions::value_type& entry,
    storage::Millis now
) {
    const auto& [key, subscription] = entry;
    Batch batch;
    if (subscription.expire() <= now) {
        end_subscription(broker, batch, node, entry, true, "its lease ended");
        return batch;
    }
    Context context;
    context.now = now;
    Subscription next = subscription;
    next.is_reminded = true;   // reminded once, even over a restart
    put_subscription(broker, context, batch, node, key, std::move(next));
    batch.event = encode(LeaseEnding{node.uid, key.jid, key.subid});
    return batch;
}

}   // namespace

bool Bounces::count(const Bounced& bounced, storage::Millis now, std::uint32_t bounces_max) {
    if (counts_.size() >= counts_max) counts_.clear();
    std::string key = bounced.jid + '\n' + std::to_string(bounced.node);
    Count& count = counts_[key];
    if (count.bounces == 0 || now - count.since > window_ms || now < count.since) count = {0, now};
    if (++count.bounces < bounces_max) return false;
    counts_.erase(key);
    return true;
}

// See pubsub/maintenance/endings.hpp.

void Leases::end(const Node& node, const Subscriptions::value_type& entry) {
    endings_.push_back({node.uid, entry.first, entry.second.revision});
}

void Leases::lead(bool is_leading) {
    if (std::exchange(is_leading_, is_leading) == is_leading) return;
    if (is_leading) return look_for_orphans();
    endings_.clear();
    contacts_.clear();
    contacts_waiting_.clear();
    nodes_.clear();
    nodes_waiting_.clear();
    offline_.clear();
    is_to_look_ = false;
    to_look_at_.clear();
}

void Leases::look_for_orphans() { is_to_look_ = is_leading_; }

/// A subscription that is made meanwhile has a session.
void Leases::look_for_orphans(const BrokerState& broker) {
    if (std::exchange(is_to_look_, false)) {
        looked_at_ = {};
        to_look_at_.clear();
        for (const auto& [uid, node] : broker.memory.nodes()) {
            if (!node->subscriptions.empty()) to_look_at_.push_back(uid);
            admission_changed(*node);   // before this member led
        }
        look_for_offline(broker);
    }
    for (std::size_t left = orphans_per_look; !to_look_at_.empty() && left != 0;) {
        const Node* node = broker.memory.find(to_look_at_.back());
        if (node && !look_for_orphans(broker, *node, left)) return;
        looked_at_ = {};
        to_look_at_.pop_back();
    }
}

void Leases::look_for_offline(const BrokerState& broker) {
    std::set<std::string> gone;
    for (const auto& [uid, node] : broker.memory.nodes()) {
        const std::string* publisher = publisher_for_purge(broker.memory, *node);
        if (publisher && !gone.contains(*publisher) &&
            !broker.contacts.is_logged_in(xml::Jid::from_canonical(*publisher)))
            gone.insert(*publisher);
    }
    for (const std::string& bare : gone) offline_.emplace_back(bare, 0);
}

/// False: the slice is over before the node is.
bool Leases::look_for_orphans(const BrokerState& broker, const Node& node, std::size_t& left) {
    auto at = looked_at_.jid.empty() ? node.subscriptions.begin()
                                     : node.subscriptions.upper_bound(looked_at_);
    for (; at != node.subscriptions.end(); ++at) {
        if (left == 0) return false;
        --left;
        looked_at_ = at->first;
        if (is_temporary(node, at->second) &&
            !broker.contacts.is_logged_in(xml::Jid::from_canonical(at->first.jid)))
            endings_.push_back({node.uid, at->first, at->second.revision, false, true});
    }
    return true;
}

bool Leases::contact_changed(
    const BrokerState& broker, const xml::Jid& owner, const xml::Jid& contact
) {
    if (broker.memory.affiliated_nodes(owner.str()).empty()) return false;   // most accounts
    if (!is_leading_) return true;
    ContactChange change{owner.str(), std::string(contact.bare_view())};
    if (contacts_waiting_.emplace(change.owner, change.contact).second)
        contacts_.push_back(std::move(change));
    return true;
}

void Leases::look_at_contact(
    const BrokerState& broker, const Node& node, const ContactChange& change
) {
    if (node.record.is_deleted || !rests_on_contacts(node)) return;
    if (node.rights().affiliation(change.owner) != Affiliation::Owner) return;
    if (is_contact_or_listed(broker.contacts, node, change.contact)) return;
    node.each_subscription_of_account(change.contact, [&](const auto& entry) {
        endings_.push_back({node.uid, entry.first, entry.second.revision, true, false});
    });
}

/// A contact may be subscribed to very many nodes, and a client may change its roster all the time.
void Leases::look_at_contacts(const BrokerState& broker) {
    for (std::size_t looked = 0; !contacts_.empty();) {
        ContactChange& change = contacts_.front();
        contacts_waiting_.erase({change.owner, change.contact});
        const auto& nodes = broker.memory.subscribed_nodes(change.contact);
        const auto next = nodes.upper_bound(change.last);
        if (++looked > nodes_per_look) return;
        if (next == nodes.end()) {
            contacts_.pop_front();
            continue;
        }
        change.last = next->first;
        if (const Node* node = broker.memory.find(change.last))
            look_at_contact(broker, *node, change);
    }
}

void Leases::admission_changed(const Node& node) {
    if (!is_leading_ || node.record.is_deleted || !rests_on_contacts(node)) return;
    if (!node.subscriptions.empty() && nodes_waiting_.insert(node.uid).second)
        nodes_.push_back({node.uid, {}});
    for (const auto& [filter, subtopic] : node.subtopics) admission_changed(*subtopic);
}

/// False: the slice is over before the node is.
bool Leases::look_at_node(const BrokerState& broker, NodeChange& change, std::size_t& left) {
    const Node* node = broker.memory.find(change.node);
    if (!node || node->record.is_deleted || !rests_on_contacts(*node)) return true;
    auto at = change.last.jid.empty() ? node->subscriptions.begin()
                                      : node->subscriptions.upper_bound(change.last);
    for (; at != node->subscriptions.end(); ++at) {
        if (left == 0) return false;
        --left;
        change.last = at->first;
        if (!is_contact_or_listed(broker.contacts, *node, bare_of(at->first.jid)))
            endings_.push_back({node->uid, at->first, at->second.revision, true, false});
    }
    return true;
}

/// Where presence is switched off all wait for it to be there again.
void Leases::look_at_nodes(const BrokerState& broker) {
    if (!broker.contacts.is_available()) return;
    for (std::size_t left = contacts_per_look; !nodes_.empty() && left != 0;) {
        NodeChange& change = nodes_.front();
        nodes_waiting_.erase(change.node);
        if (!look_at_node(broker, change, left)) return;
        nodes_.pop_front();
        --left;
    }
}

void Leases::started(const Memory& memory) {
    // A scan after a gap in the feed is no start: the sessions are still there.
    if (std::exchange(is_started_, true) || !is_leading_) return;
    std::set<std::string> gone;
    for (const auto& [uid, node] : memory.nodes()) {
        admission_changed(*node);   // before the end, and not seen to the end
        if (const std::string* publisher = publisher_for_purge(memory, *node))
            gone.insert(*publisher);
        for (const auto& entry : node->subscriptions)
            if (is_temporary(*node, entry.second)) end(*node, entry);
    }
    for (const std::string& bare : gone) offline_.emplace_back(bare, 0);
}

void Leases::session_ended(const Memory& memory, const xml::Jid& full, bool is_last_of_account) {
    if (!is_leading_) return;
    for (const auto& [uid, count] : memory.subscribed_nodes(full.bare_view())) {
        const Node* node = memory.find(uid);
        if (!node || node->record.is_deleted) continue;
        const auto end_of = [&](std::string_view jid) {
            const auto [first, last] = node->subscriptions_of(jid);
            for (auto at = first; at != last; ++at)
                if (is_temporary(*node, at->second)) end(*node, *at);
        };
        if (!full.is_bare()) end_of(full.str());
        if (is_last_of_account) end_of(full.bare_view());
    }
    if (is_last_of_account && !memory.affiliated_nodes(full.bare_view()).empty())
        offline_.emplace_back(full.bare_view(), 0);
}

/// The publisher is one of those that have an affiliation with the node.
void Leases::purge_offline(
    const BrokerState& broker, std::vector<Batch>& batches, std::size_t batches_max
) {
    std::size_t looked = 0;
    while (!offline_.empty() && batches.size() < batches_max) {
        auto& [bare, last] = offline_.front();
        const auto& nodes = broker.memory.affiliated_nodes(bare);
        const auto next = nodes.upper_bound(last);
        if (next == nodes.end()) {
            offline_.pop_front();
            continue;
        }
        if (++looked > nodes_per_look) return;
        last = *next;
        const Node* node = broker.memory.find(last);
        const std::string* publisher = node ? publisher_for_purge(broker.memory, *node) : nullptr;
        if (publisher && *publisher == bare) batches.push_back(purge_node(broker, *node));
    }
}

void Leases::end_all(const Memory& memory, const xml::Jid& full, std::uint64_t wanted) {
    if (!is_leading_) return;
    for (const auto& [uid, count] : memory.subscribed_nodes(full.bare_view())) {
        const Node* node = memory.find(uid);
        if (!node || (wanted != 0 && wanted != uid)) continue;
        for (const std::string_view jid : {full.bare_view(), std::string_view(full.str())}) {
            const auto [first, last] = node->subscriptions_of(jid);
            for (auto at = first; at != last; ++at) end(*node, *at);
            if (full.is_bare()) break;
        }
    }
}

/// The contact, or the session, may be back.
bool Leases::is_called_off(const BrokerState& broker, const Node& node, const Ending& ending) {
    const std::string& jid = ending.key.jid;
    if (ending.is_for_contact) return is_contact_or_listed(broker.contacts, node, bare_of(jid));
    return ending.is_orphan && broker.contacts.is_logged_in(xml::Jid::from_canonical(jid));
}

std::vector<Batch> Leases::due(
    const BrokerState& broker, storage::Millis now, std::size_t batches_max
) {
    std::vector<Batch> batches;
    const Memory& memory = broker.memory;
    for (const Lease& lease : memory.leases()) {
        if (!is_leading_ || lease.due > now || batches.size() >= batches_max) break;
        const Node* node = memory.find(lease.node);
        if (!node || node->record.is_deleted) continue;   // goes with the node
        batches.push_back(lease_batch(broker, *node, *node->subscriptions.find(lease.key), now));
    }
    look_at_contacts(broker);
    look_at_nodes(broker);
    look_for_orphans(broker);
    purge_offline(broker, batches, batches_max);
    // Subscriptions stay in the list until they are seen gone, or written anew.
    std::map<std::uint64_t, std::set<SubscriptionKey, SubscriptionOrder>> found_now;
    std::size_t in_batch = endings_per_batch;
    for (std::size_t i = std::min(endings_per_look, endings_.size()); i > 0; --i) {
        const Ending ending = std::move(endings_.front());
        endings_.pop_front();
        const Node* node = memory.find(ending.node);
        if (!node || node->record.is_deleted) continue;
        const auto found = node->subscriptions.find(ending.key);
        if (found == node->subscriptions.end() || found->second.revision != ending.revision)
            continue;
        if (is_called_off(broker, *node, ending)) continue;
        // A look behind a second change finds what the first one has found: in one batch both ends
        // would be told.
        if (!found_now[ending.node].insert(ending.key).second) continue;
        endings_.push_back(ending);
        if (in_batch == endings_per_batch) {
            if (batches.size() >= batches_max) continue;
            batches.emplace_back();
            in_batch = 0;
        }
        end_subscription(
            broker, batches.back(), *node, *found, ending.is_for_contact,
            ending.is_for_contact
                ? "the owner's roster does not let it in any more"
                : "it was for a session that ended, or its notifications came back"
        );
        ++in_batch;
    }
    return batches;
}

}   // namespace grid::pubsub
