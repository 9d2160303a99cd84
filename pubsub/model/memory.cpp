// pubsub/model/memory.cpp: looking things up.
#include "pubsub/model/memory.hpp"

#include <algorithm>

namespace grid::pubsub {

std::uint32_t StringPool::number_of(std::string_view text) {
    const auto found = numbers_.find(text);
    if (found != numbers_.end()) return found->second;
    texts_.emplace_back(text);
    const auto number = static_cast<std::uint32_t>(texts_.size() - 1);
    numbers_.emplace(texts_.back(), number);
    return number;
}

std::optional<std::uint32_t> StringPool::find(std::string_view text) const {
    const auto found = numbers_.find(text);
    if (found == numbers_.end()) return std::nullopt;
    return found->second;
}

std::uint64_t Memory::index_bytes_of(std::string_view publisher) const {
    const auto number = publishers_.find(publisher);
    return number && *number < index_bytes_by_publisher_.size() ? index_bytes_by_publisher_[*number]
                                                                : 0;
}

MadeBy Memory::made_by(std::string_view bare) const {
    const auto found = made_by_.find(std::string(bare));
    return found == made_by_.end() ? MadeBy{} : found->second;
}

void Memory::forget() {
    tree_.clear();
    guards_.clear();
    leavers_.clear();
    by_name_.clear();
    personal_count_ = 0;
    nodes_.clear();
    moved_.clear();
    subscribed_.clear();
    affiliated_.clear();
    old_items_.clear();
    trash_.clear();
    for (auto* set :
         {&deleted_, &cleaning_, &over_max_items_, &expiring_, &over_retention_, &pending_, &idle_,
          &orphans_, &topics_})
        set->clear();
    by_hidden_.clear();
    unannounced_evictions_.clear();
    leases_.clear();
    positions_.clear();
    stale_positions_.clear();
    stale_payloads_.clear();
    last_payload_erased_.clear();
    item_count_ = old_item_count_ = subscription_count_ = affiliation_count_ = 0;
    index_bytes_by_publisher_.clear();
    index_bytes_ = 0;
    made_by_.clear();
    is_scanning_ = true;
    latest_ = 0;
}

/// Times go back only where the clock was set back; the store reads earlier ones like this, too.
void Memory::note_time(storage::Millis time) {
    if (time < latest_ && !is_scanning_)
        for (auto& [uid, node] : nodes_) node->items.set_back(time);
    latest_ = is_scanning_ ? std::max(latest_, time) : time;
}

const Node* Memory::find(std::string_view name) const {
    const auto found = by_name_.find(name);
    return found == by_name_.end() ? nullptr : found->second;
}

const Node* Memory::find(std::uint64_t uid) const {
    const auto found = nodes_.find(uid);
    return found == nodes_.end() || found->second->revision == 0 ? nullptr : found->second.get();
}

storage::Revision Memory::guard(std::string_view name) const {
    const auto found = guards_.find(name);
    return found == guards_.end() ? 0 : found->second;
}

const MovedName* Memory::find_moved(std::string_view name) const {
    const auto found = moved_.find(std::string(name));
    return found == moved_.end() ? nullptr : &found->second;
}

const std::map<std::uint64_t, std::size_t>& Memory::subscribed_nodes(std::string_view bare) const {
    static const std::map<std::uint64_t, std::size_t> none;
    const auto found = subscribed_.find(std::string(bare));
    return found == subscribed_.end() ? none : found->second;
}

std::size_t Memory::subscriptions_of(std::string_view bare) const {
    std::size_t count = 0;
    for (const auto& [uid, subscriptions] : subscribed_nodes(bare)) count += subscriptions;
    return count;
}

const std::set<std::uint64_t>& Memory::affiliated_nodes(std::string_view bare) const {
    static const std::set<std::uint64_t> none;
    const auto found = affiliated_.find(std::string(bare));
    return found == affiliated_.end() ? none : found->second;
}

void Memory::announced_evictions(
    std::uint64_t uid, storage::Revision after, storage::Revision up_to
) {
    const auto found = unannounced_evictions_.find(uid);
    if (found == unannounced_evictions_.end() || found->second != after)
        return;   // told out of turn
    found->second = up_to;
    const Node* node = find(uid);
    if (!node || node->newest_hidden(settings_) <= up_to) unannounced_evictions_.erase(found);
}

std::size_t Memory::memory_bytes_of_items() const {
    std::size_t bytes = 0;
    for (const auto& [uid, node] : nodes_) bytes += node->items.memory_bytes();
    for (const auto& [key, items] : old_items_) bytes += items.memory_bytes();
    return bytes;
}

}   // namespace grid::pubsub
