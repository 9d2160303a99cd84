// pubsub/model/memory_apply.cpp: memory follows one key change: nodes, affiliations,
// subscriptions, subtopics.
#include <algorithm>
#include <iterator>

#include "pubsub/model/memory.hpp"
#include "pubsub/ports/personal.hpp"
#include "storage/keys.hpp"

namespace grid::pubsub {

using storage::KeyChange;
using storage::Tag;

void Memory::apply(const KeyChange& change) {
    if (change.family == storage::Family::Payload && !change.record) {
        last_payload_erased_ = change.key;
        if (!stale_payloads_.empty() && stale_payloads_.front() == change.key)
            stale_payloads_.pop_front();
    }
    if (change.family != storage::Family::Control && change.family != storage::Family::Index)
        return;
    if (change.record) note_time(change.record->time);
    const auto key = parse_key(change.key);
    if (!key) return;
    switch (static_cast<Tag>(key->tag)) {
        case Tag::NodeName:
            return apply_name(key->name, change);
        case Tag::Node:
            return apply_node(key->uid, change);
        case Tag::Affiliation:
            return apply_affiliation(*key, change);
        case Tag::Subscription:
            return apply_subscription(*key, change);
        case Tag::Position:
            return apply_position(*key, change);
        case Tag::Item:
            return apply_item(*key, change);
        case Tag::Guard:
            node(key->uid).guard = change.record ? change.record->revision : 0;
            return drop_if_empty(key->uid);
        case Tag::Hidden: {
            Node& hiding = node(key->uid);
            hiding.hidden_up_to = change.record ? decode_hidden(change.record->value).up_to : 0;
            if (hiding.revision != 0 && !hiding.record.is_deleted) note_items(hiding);
            return drop_if_empty(key->uid);
        }
        case Tag::Lost:
            node(key->uid).lost_up_to = change.record ? decode_lost(change.record->value).up_to : 0;
            return drop_if_empty(key->uid);
        case Tag::CursorKey:
            has_cursor_key_ = change.record.has_value();
            cursors_ = std::make_unique<Cursors>(
                has_cursor_key_ ? decode_cursor_key(change.record->value).key
                                : settings_.cursor_seed
            );
            return;
        case Tag::Edge:
            if (change.record)
                tree_.link(key->uid, key->child, change.record->revision);
            else
                tree_.unlink(key->uid, key->child);
            return;
        case Tag::PubsubMeta:
            guards_[std::string(key->name)] = change.record ? change.record->revision : 0;
            return;
        case Tag::Leaver:
            if (change.record)
                leavers_[std::string(key->name)] = change.record->revision;
            else
                leavers_.erase(std::string(key->name));
            return;
        case Tag::Trash:
            if (change.record)
                trash_[{key->uid, key->epoch}] = change.record->revision;
            else
                trash_.erase({key->uid, key->epoch});
            return;
        default:
            return;
    }
}

/// The node, or a shell for one whose record comes later in a scan.
Node& Memory::node(std::uint64_t uid) {
    std::unique_ptr<Node>& found = nodes_[uid];
    if (!found) {
        found = std::make_unique<Node>();
        found->uid = uid;
    }
    return *found;
}

void Memory::apply_name(std::string_view name, const KeyChange& change) {
    if (const auto old = moved_.find(std::string(name)); old != moved_.end()) {
        const auto maker = made_by_.find(old->second.maker);
        if (maker != made_by_.end() && --maker->second.moved_names == 0 &&
            maker->second.nodes == 0 && maker->second.affiliations == 0)
            made_by_.erase(maker);
        moved_.erase(old);
    }
    if (!change.record) return;
    NameRecord record = decode_name(change.record->value);
    if (record.moved_to.empty()) return;
    if (!record.maker.empty()) ++made_by_[record.maker].moved_names;
    moved_[std::string(name)] = {
        std::move(record.moved_to), change.record->revision, std::move(record.maker)
    };
}

void Memory::apply_node(std::uint64_t uid, const KeyChange& change) {
    Node& node = this->node(uid);
    const bool was_known = node.revision != 0;
    if (was_known) erase_name(node);
    deleted_.erase(uid);
    charge_maker(node, false);
    if (!change.record) {
        tree_.leave(node);
        leave_topic(node);
        node.revision = 0;
        forget_items(node);
        return drop_if_empty(uid);
    }
    const std::uint64_t epoch_before = node.epoch();
    const bool is_known = was_known && !is_scanning_ && !node.record.is_deleted;
    const storage::Revision hidden_before = is_known ? node.newest_hidden(settings_) : 0;
    node.record = decode_node(change.record->value);
    node.revision = change.record->revision;
    charge_maker(node, true);
    // The items of an epoch that is over are out of sight at once, those of subtopics too.
    if (was_known && (epoch_before != node.epoch() || node.record.is_deleted))
        put_away(node, epoch_before);
    if (epoch_before != node.epoch()) {
        for (const auto& [filter, subtopic] : node.subtopics) {
            put_away(*subtopic, epoch_before);
            take_early_items(*subtopic);
            note_items(*subtopic);
        }
    }
    enter(node);
    if (is_known) note_evictions(node, hidden_before);
}

void Memory::put_name(Node& node) {
    const auto [at, is_new] = by_name_.insert_or_assign(node.name(), &node);
    if (is_new && is_personal(at->first)) ++personal_count_;
}

void Memory::erase_name(const Node& node) {
    const auto named = by_name_.find(node.name());
    if (named == by_name_.end() || named->second != &node) return;
    if (is_personal(named->first)) --personal_count_;
    by_name_.erase(named);
}

/// Puts the node where others look for it.
void Memory::enter(Node& node) {
    if (node.record.is_deleted) {
        tree_.leave(node);
        leave_topic(node);
        for (const auto& [filter, subtopic] : node.subtopics) hide(*subtopic);
        deleted_.insert(node.uid);
        forget_items(node);
        return note_cleaning(node);
    }
    join_topic(node);
    if (node.is_orphan()) return hide(node);
    orphans_.erase(node.uid);
    note_use(node);
    put_name(node);
    if (!is_personal(node.name())) tree_.enter(node);   // nodes of accounts are in no collection
    take_early_items(node);
    note_cleaning(node);
    note_items(node);
}

void Memory::apply_affiliation(const ParsedKey& key, const KeyChange& change) {
    Node& node = this->node(key.uid);
    const std::string bare(key.name);
    weigh_affiliation(node, bare, change.record.has_value());
    if (!change.record) {
        node.affiliations.erase(bare);
        node.cleaning.erase(bare);
        note_cleaning(node);
        const auto found = affiliated_.find(bare);
        if (found != affiliated_.end()) {
            found->second.erase(key.uid);
            if (found->second.empty()) affiliated_.erase(found);
        }
        return drop_if_empty(key.uid);
    }
    AffiliationEntry& entry = node.affiliations[bare];
    entry = {decode_affiliation(change.record->value), change.record->revision};
    if (entry.record.is_cleaning)
        node.cleaning.insert(bare);
    else
        node.cleaning.erase(bare);
    note_cleaning(node);
    affiliated_[bare].insert(key.uid);
}

void Memory::weigh_affiliation(Node& node, std::string_view bare, bool is_there) {
    if (node.affiliations.contains(bare) == is_there) return;
    charge_maker(node, false);
    const std::size_t weight = affiliation_weight(bare);
    const auto add = [&](std::size_t& count) {
        count = is_there ? count + weight : count - weight;
    };
    add(node.affiliation_weight);
    add(affiliation_count_);
    charge_maker(node, true);
}

void Memory::charge_maker(const Node& node, bool is_there) {
    if (node.revision == 0 || node.record.creator.empty()) return;
    MadeBy& made = made_by_[node.record.creator];
    const std::size_t live = node.record.is_deleted ? 0 : 1;
    if (is_there) {
        made.nodes += live;
        made.affiliations += node.affiliation_weight;
        return;
    }
    made.nodes -= live;
    made.affiliations -= node.affiliation_weight;
    if (made.nodes == 0 && made.affiliations == 0 && made.moved_names == 0)
        made_by_.erase(node.record.creator);
}

void Memory::apply_position(const ParsedKey& key, const KeyChange& change) {
    const std::string jid(key.name);
    if (change.record)
        positions_[jid] = {decode_position(change.record->value).told, change.record->revision};
    else
        positions_.erase(jid);
    note_position(jid);
}

/// A position outlives its last subscription for a moment only.
void Memory::note_position(const std::string& jid) {
    const auto has_subscription = [&] {
        for (const auto& [uid, count] : subscribed_nodes(bare_of(jid))) {
            const auto [first, last] = nodes_.at(uid)->subscriptions_of(jid);
            if (first != last) return true;
        }
        return false;
    };
    if (is_scanning_ || !positions_.contains(jid) || has_subscription())
        stale_positions_.erase(jid);
    else
        stale_positions_.insert(jid);
}

void Memory::note_cleaning(const Node& node) {
    const bool is_due = node.record.is_narrowed || !node.cleaning.empty();
    if (is_due && !node.record.is_deleted)
        cleaning_.insert(node.uid);
    else
        cleaning_.erase(node.uid);
}

/// A node whose record is gone stays until nothing else of it is left.
void Memory::drop_if_empty(std::uint64_t uid) {
    const auto found = nodes_.find(uid);
    if (found == nodes_.end()) return;
    const Node& node = *found->second;
    if (node.revision != 0 || node.guard != 0 || node.hidden_up_to != 0 || node.lost_up_to != 0 ||
        !node.affiliations.empty() || !node.subscriptions.empty() || node.items.size() > 0 ||
        !node.subtopics.empty())
        return;
    nodes_.erase(found);
}

void Memory::scan_finished() {
    is_scanning_ = false;
    for (auto& [uid, node] : nodes_) {
        node->items.scan_finished();
        if (node->revision != 0) enter(*node);
    }
    for (auto& [key, items] : old_items_) items.scan_finished();
    for (const auto& [jid, position] : positions_) note_position(jid);
}

// Memory follows the records of subscriptions: at the node, and where else they are looked for.

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

// Memory follows subtopics: their places at topics, their recipients.

/// The topic's own record may come later in a scan: a shell of it is there then.
void Memory::join_topic(Node& node) {
    if (node.record.topic == 0 || node.topic) return;
    Node& topic = this->node(node.record.topic);
    node.topic = &topic;
    topic.subtopics.insert_or_assign(node.record.filter, &node);
    ++topic.subtopics_version;
    topics_.insert(topic.uid);
    note_use(node);
}

void Memory::leave_topic(Node& node) {
    idle_.erase(node.uid);
    orphans_.erase(node.uid);
    if (!node.topic) return;
    Node& topic = *node.topic;
    node.topic = nullptr;
    // One of the same filter may have come since this one was deleted.
    const auto found = topic.subtopics.find(node.record.filter);
    if (found == topic.subtopics.end() || found->second != &node) return;
    topic.subtopics.erase(found);
    ++topic.subtopics_version;
    if (topic.subtopics.empty()) topics_.erase(topic.uid);
    drop_if_empty(topic.uid);
}

/// Hides a subtopic whose topic is gone, or not there yet: requests no longer find it.
void Memory::hide(Node& node) {
    erase_name(node);
    tree_.leave(node);
    orphans_.insert(node.uid);
    idle_.erase(node.uid);
}

void Memory::note_use(const Node& node) {
    if (!node.topic || !node.is_subtopic() || node.is_orphan()) return;
    if (node.is_in_use())
        idle_.erase(node.uid);
    else
        idle_.insert(node.uid);
}

void Memory::note_filter(Node& node, const Subscriptions::value_type& entry, bool is_there) {
    const auto& [key, subscription] = entry;
    if (!subscription.options || subscription.options->filter.empty()) return;
    const std::string& filter = subscription.options->filter;
    auto& keys = node.filtered[filter];
    if (is_there)
        keys.insert(key);
    else
        keys.erase(key);
    if (keys.empty()) node.filtered.erase(filter);
    const auto subtopic = node.subtopics.find(filter);
    if (subtopic != node.subtopics.end()) note_use(*subtopic->second);
}

}   // namespace grid::pubsub
