// pubsub/model/items.hpp: the index of one node's items in memory, compact: about 80 bytes an
// item.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "storage/batch.hpp"

namespace grid::pubsub {

/// One item as the index knows it. `id` points into the index: use it before the next change.
struct ItemView {
    std::string_view id;
    std::uint32_t publisher = 0;       // in StringPool
    std::uint32_t payload_bytes = 0;   // 0: published without payload
    storage::Revision revision = 0;    // gives the order, and the key of the payload
    storage::Millis time = 0;
};

/// Items in the order of their revisions, found by id or by rank (0 is the oldest). Ids are packed
/// into one string; a hash table of 4-byte slots finds them; erased entries are skipped by rank
/// with a sorted list of their places, and squeezed out when they become many.
class Items {
public:
    /// A new newest item; an item of that id is replaced and moves.
    void put(
        std::string_view id,
        std::uint32_t publisher,
        std::uint32_t payload_bytes,
        storage::Revision revision,
        storage::Millis time,
        storage::Revision created = 0   // of the first item of that id; 0: this is the first
    );
    bool erase(std::string_view id);
    std::optional<ItemView> find(std::string_view id) const;
    /// Rank of an item by id.
    std::optional<std::size_t> rank_of(std::string_view id) const;

    std::size_t size() const { return entries_.size() - head_ - dead_.size(); }
    /// Of all payloads together.
    std::uint64_t payload_bytes() const { return payload_bytes_; }
    ItemView at(std::size_t rank) const;
    /// How many items have a revision of at most `revision`: the rank of what follows a cursor.
    std::size_t rank_after(storage::Revision revision) const;
    /// When an item of that id was first published (XEP-0413): `revision`, if it is that one.
    storage::Revision created(storage::Revision revision) const {
        const auto found = created_.find(revision);
        return found == created_.end() ? revision : found->second;
    }
    bool has_replaced() const { return !created_.empty(); }
    /// All items by when they were created: that revision, and the one of the item now. Made with
    /// the first question and kept up to date from then on, up to that many items.
    static constexpr std::size_t ordered_max = 50'000;
    using CreationOrder = std::vector<std::pair<storage::Revision, storage::Revision>>;
    const CreationOrder& by_creation() const;
    /// How many items are from before `time`.
    std::size_t rank_at_time(storage::Millis time) const;

    /// The clock was set back: items with a later stamp than `time` count as of then.
    void set_back(storage::Millis time);

    /// After a scan, which brings items in the order of their ids.
    void scan_finished();
    std::size_t memory_bytes() const;

private:
    struct Entry {
        storage::Revision revision = 0;
        storage::Millis time = 0;
        std::uint32_t id_at = 0, publisher = 0, payload_bytes = 0;
        std::uint16_t id_bytes = 0;
        bool is_dead = false;
    };

    std::string_view id_of(const Entry& entry) const {
        return std::string_view(ids_).substr(entry.id_at, entry.id_bytes);
    }
    void order(storage::Revision created, storage::Revision revision);
    void disorder(storage::Revision created);
    void forget_order();
    std::size_t slot_of(std::string_view id) const;
    std::size_t position_at(std::size_t rank) const;
    std::size_t rank_at(std::size_t position) const;
    void free_slot(std::size_t slot);
    void bury(std::size_t position);
    void rebuild_slots(std::size_t count);
    void squeeze();

    std::vector<Entry> entries_;         // by revision; those before head_ are gone
    std::vector<std::uint32_t> dead_;    // positions from head_ on, ascending
    std::vector<std::uint32_t> slots_;   // position + 1, 0 is free
    std::string ids_;
    std::unordered_map<storage::Revision, storage::Revision> created_;   // of replaced items only
    mutable CreationOrder by_creation_;   // an answer remembered, no state
    mutable bool is_ordered_ = false;     // by_creation_ holds all items
    std::size_t head_ = 0;
    std::uint64_t payload_bytes_ = 0;
    bool is_unsorted_ = false;
};

}   // namespace grid::pubsub
