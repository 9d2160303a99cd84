// pubsub/model/items.cpp: see pubsub/model/items.hpp.
#include "pubsub/model/items.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <functional>

namespace grid::pubsub {

namespace {

/// Grows by a quarter, not by doubling: most nodes fill up to max_items and stay there.
template <class Container>
void make_room(Container& container, std::size_t more) {
    const std::size_t needed = container.size() + more;
    if (needed > container.capacity()) container.reserve(needed + needed / 4);
}

}   // namespace

std::size_t Items::slot_of(std::string_view id) const {
    const std::size_t mask = slots_.size() - 1;
    std::size_t slot = std::hash<std::string_view>{}(id)&mask;
    while (slots_[slot] != 0 && id_of(entries_[slots_[slot] - 1]) != id) slot = (slot + 1) & mask;
    return slot;
}

void Items::put(
    std::string_view id,
    std::uint32_t publisher,
    std::uint32_t payload_bytes,
    storage::Revision revision,
    storage::Millis time,
    storage::Revision created
) {
    if ((size() + 1) * 4 > slots_.size() * 3) rebuild_slots(size() + 1);
    Entry entry{revision, time, 0, publisher, payload_bytes, 0, false};
    entry.id_bytes = static_cast<std::uint16_t>(id.size());
    const std::size_t slot = slot_of(id);
    const bool is_known = slots_[slot] != 0;
    if (is_known) {
        entry.id_at = entries_[slots_[slot] - 1].id_at;   // the text is there already
    } else {
        entry.id_at = static_cast<std::uint32_t>(ids_.size());
        make_room(ids_, id.size());
        ids_.append(id);
    }
    if (!entries_.empty() && entries_.back().revision > revision) is_unsorted_ = true;
    make_room(entries_, 1);
    entries_.push_back(entry);
    payload_bytes_ += payload_bytes;
    const std::size_t old = slots_[slot];
    if (is_known) disorder(this->created(entries_[old - 1].revision));
    order(created != 0 ? created : revision, revision);
    slots_[slot] = static_cast<std::uint32_t>(entries_.size());
    if (is_known) bury(old - 1);
    if (created != 0) created_[revision] = created;
}

bool Items::erase(std::string_view id) {
    if (slots_.empty()) return false;
    const std::size_t slot = slot_of(id);
    if (slots_[slot] == 0) return false;
    const std::size_t position = slots_[slot] - 1;
    disorder(created(entries_[position].revision));
    free_slot(slot);
    bury(position);
    return true;
}

const Items::CreationOrder& Items::by_creation() const {
    if (is_ordered_) return by_creation_;
    by_creation_.clear();
    by_creation_.reserve(size());
    for (std::size_t i = head_; i < entries_.size(); ++i)
        if (const Entry& entry = entries_[i]; !entry.is_dead)
            by_creation_.emplace_back(created(entry.revision), entry.revision);
    std::sort(by_creation_.begin(), by_creation_.end());
    is_ordered_ = true;
    return by_creation_;
}

void Items::order(storage::Revision created, storage::Revision revision) {
    if (!is_ordered_) return;
    if (by_creation_.size() >= ordered_max) return forget_order();
    const std::pair entry{created, revision};
    // New items come last, and an item that is published again keeps its place.
    if (by_creation_.empty() || by_creation_.back() < entry) {
        by_creation_.push_back(entry);
        return;
    }
    by_creation_.insert(std::lower_bound(by_creation_.begin(), by_creation_.end(), entry), entry);
}

void Items::disorder(storage::Revision created) {
    if (!is_ordered_) return;
    const auto at = std::lower_bound(
        by_creation_.begin(), by_creation_.end(), std::pair{created, storage::Revision{0}}
    );
    if (at == by_creation_.end() || at->first != created) return forget_order();
    by_creation_.erase(at);
}

void Items::forget_order() {
    is_ordered_ = false;
    by_creation_ = {};
}

/// Linear probing: what follows in the same run moves up, so that no search stops too early.
void Items::free_slot(std::size_t slot) {
    const std::size_t mask = slots_.size() - 1;
    std::size_t hole = slot;
    for (std::size_t next = (hole + 1) & mask; slots_[next] != 0; next = (next + 1) & mask) {
        const std::size_t home =
            std::hash<std::string_view>{}(id_of(entries_[slots_[next] - 1])) & mask;
        if (((next - home) & mask) < ((next - hole) & mask)) continue;
        slots_[hole] = slots_[next];
        hole = next;
    }
    slots_[hole] = 0;
}

void Items::bury(std::size_t position) {
    entries_[position].is_dead = true;
    if (!created_.empty()) created_.erase(entries_[position].revision);
    payload_bytes_ -= entries_[position].payload_bytes;
    if (position != head_) {
        const auto at = static_cast<std::uint32_t>(position);
        dead_.insert(std::lower_bound(dead_.begin(), dead_.end(), at), at);
    } else {
        std::size_t passed = 0;   // of the dead that head_ goes over
        for (++head_; head_ < entries_.size() && entries_[head_].is_dead; ++head_) ++passed;
        dead_.erase(dead_.begin(), dead_.begin() + static_cast<std::ptrdiff_t>(passed));
    }
    if (head_ + dead_.size() > 32 + entries_.size() / 5) squeeze();
}

void Items::squeeze() {
    std::vector<Entry> entries;
    std::string ids;
    entries.reserve(size() + size() / 8);
    for (std::size_t i = head_; i < entries_.size(); ++i) {
        Entry entry = entries_[i];
        if (entry.is_dead) continue;
        const std::string_view id = id_of(entry);
        entry.id_at = static_cast<std::uint32_t>(ids.size());
        make_room(ids, id.size());
        ids.append(id);
        entries.push_back(entry);
    }
    entries_ = std::move(entries);
    ids_ = std::move(ids);
    dead_.clear();
    head_ = 0;
    rebuild_slots(entries_.size());
}

void Items::rebuild_slots(std::size_t count) {
    const std::size_t wanted = std::bit_ceil(std::max<std::size_t>(8, count * 4 / 3 + 1));
    slots_.assign(wanted, 0);
    slots_.shrink_to_fit();
    for (std::size_t i = head_; i < entries_.size(); ++i)
        if (!entries_[i].is_dead)
            slots_[slot_of(id_of(entries_[i]))] = static_cast<std::uint32_t>(i + 1);
}

std::optional<ItemView> Items::find(std::string_view id) const {
    const auto rank = rank_of(id);
    if (!rank) return std::nullopt;
    return at(*rank);
}

std::optional<std::size_t> Items::rank_of(std::string_view id) const {
    if (slots_.empty()) return std::nullopt;
    const std::size_t slot = slot_of(id);
    if (slots_[slot] == 0) return std::nullopt;
    return rank_at(slots_[slot] - 1);
}

std::size_t Items::rank_at(std::size_t position) const {
    const auto at = static_cast<std::uint32_t>(position);
    const auto before = std::lower_bound(dead_.begin(), dead_.end(), at) - dead_.begin();
    return position - head_ - static_cast<std::size_t>(before);
}

/// The position p of a living entry with rank_at(p) == rank: the k-th dead one, counted from 0, is
/// before p exactly when its own rank is at most `rank`.
std::size_t Items::position_at(std::size_t rank) const {
    std::size_t low = 0, high = dead_.size();
    while (low < high) {
        const std::size_t middle = (low + high) / 2;
        if (dead_[middle] - head_ - middle <= rank)
            low = middle + 1;
        else
            high = middle;
    }
    return head_ + rank + low;
}

ItemView Items::at(std::size_t rank) const {
    assert(rank < size());
    const Entry& entry = entries_[position_at(rank)];
    return {id_of(entry), entry.publisher, entry.payload_bytes, entry.revision, entry.time};
}

std::size_t Items::rank_after(storage::Revision revision) const {
    const auto from = entries_.begin() + static_cast<std::ptrdiff_t>(head_);
    const auto at = std::upper_bound(
        from, entries_.end(), revision,
        [](storage::Revision wanted, const Entry& entry) { return wanted < entry.revision; }
    );
    return rank_at(static_cast<std::size_t>(at - entries_.begin()));
}

std::size_t Items::rank_at_time(storage::Millis time) const {
    const auto from = entries_.begin() + static_cast<std::ptrdiff_t>(head_);
    const auto at = std::lower_bound(
        from, entries_.end(), time,
        [](const Entry& entry, storage::Millis wanted) { return entry.time < wanted; }
    );
    return rank_at(static_cast<std::size_t>(at - entries_.begin()));
}

void Items::set_back(storage::Millis time) {
    for (auto at = entries_.rbegin(); at != entries_.rend() && at->time > time; ++at)
        at->time = time;
}

void Items::scan_finished() {
    forget_order();
    if (is_unsorted_) {
        const auto earlier = [](const Entry& a, const Entry& b) { return a.revision < b.revision; };
        std::sort(entries_.begin() + static_cast<std::ptrdiff_t>(head_), entries_.end(), earlier);
        is_unsorted_ = false;
    }
    squeeze();
    entries_.shrink_to_fit();
    ids_.shrink_to_fit();
}

std::size_t Items::memory_bytes() const {
    return sizeof(*this) + entries_.capacity() * sizeof(Entry) + ids_.capacity() +
           (dead_.capacity() + slots_.capacity()) * sizeof(std::uint32_t) +
           by_creation_.capacity() * sizeof(CreationOrder::value_type) +
           created_.size() * 40;   // a node of the table each
}

}   // namespace grid::pubsub
