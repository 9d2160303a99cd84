// pubsub/apply.cpp: memory follows one key change, live or from a scan, in any order of keys.
#include "pubsub/memory.hpp"
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
    moved_.erase(std::string(name));
    if (!change.record) return;
    NameRecord record = decode_name(change.record->value);
    if (!record.moved_to.empty())
        moved_[std::string(name)] = {std::move(record.moved_to), change.record->revision};
}

void Memory::apply_node(std::uint64_t uid, const KeyChange& change) {
    Node& node = this->node(uid);
    const bool was_known = node.revision != 0;
    const auto named = by_name_.find(node.name());
    if (was_known && named != by_name_.end() && named->second == &node) by_name_.erase(named);
    deleted_.erase(uid);
    if (!change.record) {
        tree_.leave(node);
        node.revision = 0;
        forget_items(node);
        return drop_if_empty(uid);
    }
    const std::uint64_t epoch_before = node.record.epoch;
    const bool is_known = was_known && !is_scanning_ && !node.record.is_deleted;
    const storage::Revision hidden_before = is_known ? node.newest_hidden(settings_) : 0;
    node.record = decode_node(change.record->value);
    node.revision = change.record->revision;
    // The items of an epoch that is over are out of sight at once.
    if (was_known && (epoch_before != node.record.epoch || node.record.is_deleted) &&
        node.items.size() > 0) {
        old_item_count_ += node.items.size();
        old_items_[{uid, epoch_before}] = std::exchange(node.items, Items());
    }
    enter(node);
    if (is_known) note_hiding(node, hidden_before);
}

/// Puts the node where others look for it.
void Memory::enter(Node& node) {
    if (node.record.is_deleted) {
        tree_.leave(node);
        deleted_.insert(node.uid);
        forget_items(node);
        return note_cleaning(node);
    }
    by_name_[node.name()] = &node;
    tree_.enter(node);
    const auto early = old_items_.find({node.uid, node.record.epoch});
    if (early != old_items_.end()) {   // a scan brought its items before its record
        old_item_count_ -= early->second.size();
        node.items = std::move(early->second);
        old_items_.erase(early);
    }
    note_cleaning(node);
    note_items(node);
}

void Memory::apply_affiliation(const ParsedKey& key, const KeyChange& change) {
    Node& node = this->node(key.uid);
    const std::string bare(key.name);
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

void Memory::apply_item(const ParsedKey& key, const KeyChange& change) {
    Node& node = this->node(key.uid);
    const bool is_current =
        node.revision != 0 && !node.record.is_deleted && node.record.epoch == key.epoch;
    if (!change.record && !is_current) {
        const auto old = old_items_.find({key.uid, key.epoch});
        if (old == old_items_.end()) return drop_if_empty(key.uid);
        if (old->second.erase(key.name)) {
            --item_count_;
            --old_item_count_;
        }
        if (old->second.size() == 0) old_items_.erase(old);
        return drop_if_empty(key.uid);
    }
    Items& items = is_current ? node.items : old_items_[{key.uid, key.epoch}];
    const std::size_t before = items.size();
    const bool is_telling = is_current && !is_scanning_ && node.tells_of_hiding();
    const storage::Revision hidden_before = is_telling ? node.newest_hidden(settings_) : 0;
    if (is_current) note_stale_payload(key, items);
    if (change.record) {
        const ItemRecord record = decode_item(change.record->value);
        items.put(
            key.name, publishers_.number_of(record.publisher), record.payload_bytes,
            change.record->revision, change.record->time
        );
    } else {
        items.erase(key.name);
    }
    item_count_ = item_count_ + items.size() - before;
    if (!is_current) old_item_count_ = old_item_count_ + items.size() - before;
    if (is_current) note_items(node);
    if (is_telling) note_hiding(node, hidden_before);
}

/// The payload of an item that is replaced, or erased by a batch that knew an older version of it.
void Memory::note_stale_payload(const ParsedKey& key, const Items& items) {
    if (is_scanning_) return;   // each item comes once
    const auto old = items.find(key.name);
    if (!old || old->payload_bytes == 0) return;
    std::string payload = payload_key(key.uid, key.epoch, old->revision);
    if (payload == last_payload_erased_) return;
    stale_payloads_.push_back(std::move(payload));
}

static void mark(std::set<std::uint64_t>& where, std::uint64_t uid, bool is_due) {
    if (is_due)
        where.insert(uid);
    else
        where.erase(uid);
}

void Memory::note_items(Node& node) {
    if (is_scanning_) return;
    const std::size_t hidden = node.hidden(settings_), total = node.items.size();
    const Retention& most = settings_.archive;
    mark(overfull_, node.uid, hidden > 0);
    const bool is_over = total > most.items_max || node.items.payload_bytes() > most.bytes_max;
    mark(crowded_, node.uid, hidden > 0 && is_over);
    mark(expiring_, node.uid, node.config().item_expire != no_limit && total > 0);
    if (hidden == node.hidden_noted) return;
    by_hidden_.erase({node.hidden_noted, node.uid});
    if (hidden > 0) by_hidden_.insert({hidden, node.uid});
    node.hidden_noted = hidden;
}

/// Something went out of sight with this change: its subscribers hear of it, in the background.
void Memory::note_hiding(const Node& node, storage::Revision hidden_before) {
    if (node.record.is_deleted || !node.tells_of_hiding() || node.items.size() == 0) {
        hiding_.erase(node.uid);
    } else if (node.newest_hidden(settings_) > hidden_before) {
        hiding_.try_emplace(node.uid, hidden_before);
    }
}

void Memory::forget_items(Node& node) {
    for (auto* set : {&overfull_, &expiring_, &crowded_}) set->erase(node.uid);
    by_hidden_.erase({node.hidden_noted, node.uid});
    node.hidden_noted = 0;
    hiding_.erase(node.uid);
}

void Memory::note_cleaning(const Node& node) {
    const bool is_due = node.record.is_narrowed || !node.cleaning.empty();
    mark(cleaning_, node.uid, is_due && !node.record.is_deleted);
}

/// A node whose record is gone stays until nothing else of it is left.
void Memory::drop_if_empty(std::uint64_t uid) {
    const auto found = nodes_.find(uid);
    if (found == nodes_.end()) return;
    const Node& node = *found->second;
    if (node.revision != 0 || node.guard != 0 || node.hidden_up_to != 0 ||
        !node.affiliations.empty() || !node.subscriptions.empty() || node.items.size() > 0)
        return;
    nodes_.erase(found);
}

void Memory::scan_finished() {
    is_scanning_ = false;
    for (auto& [uid, node] : nodes_) {
        node->items.settle();
        if (node->revision != 0) enter(*node);
    }
    for (auto& [key, items] : old_items_) items.settle();
    for (const auto& [jid, position] : positions_) note_position(jid);
}

}   // namespace grid::pubsub
