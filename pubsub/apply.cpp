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
    const auto named = by_name_.find(node.name());
    if (was_known && named != by_name_.end() && named->second == &node) by_name_.erase(named);
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
    if (is_known) note_hiding(node, hidden_before);
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
    by_name_[node.name()] = &node;
    tree_.enter(node);
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
        node->items.settle();
        if (node->revision != 0) enter(*node);
    }
    for (auto& [key, items] : old_items_) items.settle();
    for (const auto& [jid, position] : positions_) note_position(jid);
}

}   // namespace grid::pubsub
