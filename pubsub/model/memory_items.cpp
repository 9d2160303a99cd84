// pubsub/model/memory_items.cpp: memory follows items: what a node has, hides, and has to say of
// it.
#include <utility>

#include "pubsub/model/memory.hpp"

namespace grid::pubsub {

using storage::KeyChange;

void Memory::apply_item(const ParsedKey& key, const KeyChange& change) {
    Node& node = this->node(key.uid);
    const bool is_current =
        node.revision != 0 && !node.record.is_deleted && node.epoch() == key.epoch;
    if (!change.record && !is_current) {
        const auto old = old_items_.find({key.uid, key.epoch});
        if (old == old_items_.end()) return drop_if_empty(key.uid);
        if (const auto gone = old->second.find(key.name))
            charge_item(key.name, gone->publisher, false);
        if (old->second.erase(key.name)) {
            --item_count_;
            --old_item_count_;
        }
        if (old->second.size() == 0) old_items_.erase(old);
        return drop_if_empty(key.uid);
    }
    Items& items = is_current ? node.items : old_items_[{key.uid, key.epoch}];
    const std::size_t before = items.size();
    // Nodes without recipients are skipped: each notice of a hidden item costs an expectation in a
    // batch.
    const bool has_audience = !node.subscriptions.empty() || !tree_.parents(key.uid).empty();
    const bool is_telling =
        is_current && !is_scanning_ && has_audience && node.notifies_evictions();
    const storage::Revision hidden_before = is_telling ? node.newest_hidden(settings_) : 0;
    if (!is_scanning_) {   // else each item comes once
        if (const auto gone = items.find(key.name)) {
            if (is_current) note_stale_payload(key, *gone);
            charge_item(key.name, gone->publisher, false);
        }
    }
    if (change.record) {
        const ItemRecord record = decode_item(change.record->value);
        const std::uint32_t publisher = publishers_.number_of(record.publisher);
        items.put(
            key.name, publisher, record.payload_bytes, change.record->revision, change.record->time,
            record.created
        );
        charge_item(key.name, publisher, true);
    } else {
        items.erase(key.name);
    }
    item_count_ = item_count_ + items.size() - before;
    if (!is_current) old_item_count_ = old_item_count_ + items.size() - before;
    if (is_current) note_items(node);
    if (is_telling) note_evictions(node, hidden_before);
}

void Memory::charge_item(std::string_view id, std::uint32_t publisher, bool is_there) {
    if (index_bytes_by_publisher_.size() <= publisher)
        index_bytes_by_publisher_.resize(publisher + std::size_t{1});
    const std::uint64_t bytes = index_bytes(id);
    for (std::uint64_t* sum : {&index_bytes_by_publisher_[publisher], &index_bytes_})
        *sum = is_there ? *sum + bytes : *sum - bytes;
}

/// The payload of an item that is replaced, or erased by a batch that knew an older version of it.
void Memory::note_stale_payload(const ParsedKey& key, const ItemView& old) {
    if (old.payload_bytes == 0) return;
    std::string payload = payload_key(key.uid, key.epoch, old.revision);
    if (payload == last_payload_erased_) return;
    stale_payloads_.push_back(std::move(payload));
}

void Memory::put_away(Node& node, std::uint64_t epoch) {
    if (node.items.size() == 0) return;
    old_item_count_ += node.items.size();
    old_items_[{node.uid, epoch}] = std::exchange(node.items, Items());
    forget_items(node);
}

/// A scan may bring items before the record that says that they are in force.
void Memory::take_early_items(Node& node) {
    if (node.revision == 0 || node.record.is_deleted) return;
    const auto early = old_items_.find({node.uid, node.epoch()});
    if (early == old_items_.end()) return;
    old_item_count_ -= early->second.size();
    node.items = std::move(early->second);
    old_items_.erase(early);
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
    mark(over_max_items_, node.uid, hidden > 0);
    const bool is_over = total > most.items_max || node.items.payload_bytes() > most.bytes_max;
    mark(over_retention_, node.uid, hidden > 0 && is_over);
    mark(expiring_, node.uid, node.config().item_expire != no_limit && total > 0);
    if (hidden == node.hidden_noted) return;
    by_hidden_.erase({node.hidden_noted, node.uid});
    if (hidden > 0) by_hidden_.insert({hidden, node.uid});
    node.hidden_noted = hidden;
}

/// Something went out of sight with this change: its subscribers hear of it, in the background.
void Memory::note_evictions(const Node& node, storage::Revision hidden_before) {
    if (node.record.is_deleted || !node.notifies_evictions() || node.items.size() == 0) {
        unannounced_evictions_.erase(node.uid);
    } else if (node.newest_hidden(settings_) > hidden_before) {
        unannounced_evictions_.try_emplace(node.uid, hidden_before);
    }
}

void Memory::forget_items(Node& node) {
    for (auto* set : {&over_max_items_, &expiring_, &over_retention_}) set->erase(node.uid);
    by_hidden_.erase({node.hidden_noted, node.uid});
    node.hidden_noted = 0;
    unannounced_evictions_.erase(node.uid);
}

}   // namespace grid::pubsub
