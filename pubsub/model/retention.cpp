// pubsub/model/retention.cpp: hidden items are announced, kept, and at last erased. All only
// propose: a batch that comes late or twice fails its expectations and does no harm.
#include "pubsub/model/retention.hpp"

#include <algorithm>
#include <set>

#include "pubsub/model/events.hpp"

namespace grid::pubsub {

using storage::Batch;
using storage::Family;

void pin_hidden_boundary(Batch& batch, const Settings& settings, const Node& node) {
    const storage::Revision newest = node.newest_hidden(settings);
    if (newest <= node.hidden_up_to) return;
    batch.put(Family::Control, hidden_key(node.uid), encode(HiddenRecord{newest}));
}

void erase_items(
    Batch& batch,
    std::uint64_t uid,
    std::uint64_t epoch,
    const Items& items,
    std::size_t from,
    std::size_t to
) {
    for (std::size_t rank = from; rank < to; ++rank) {
        const ItemView item = items.at(rank);
        std::string key = item_key(uid, epoch, item.id);
        batch.expect(Family::Index, key, item.revision);
        if (item.payload_bytes > 0)
            batch.erase(Family::Payload, payload_key(uid, epoch, item.revision));
        batch.erase(Family::Index, std::move(key));
    }
}

namespace {

/// Of each kind: a round may not walk over all nodes.
constexpr std::size_t nodes_per_round = 1000;

class RetentionRound {
public:
    RetentionRound(
        const BrokerState& broker,
        storage::Millis now,
        std::size_t batches_max,
        std::vector<Batch>& batches
    )
        : broker_(broker),
          settings_(broker.settings),
          memory_(broker.memory),
          now_(now),
          batches_max_(batches_max),
          batches_(batches) {}

    void tell(std::uint64_t& cursor);
    void erase(const std::set<std::uint64_t>& nodes, std::uint64_t& cursor);
    void shrink_total();

private:
    bool is_full() const { return batches_.size() >= batches_max_; }
    void tell_of(const Node& node, storage::Revision after);
    void erase_up_to(const Node& node, std::size_t from, std::size_t to);
    std::size_t told(const Node& node) const;
    bool look_at(const Node& node, std::size_t from, std::size_t to, ItemsRetracted& event);

    const BrokerState& broker_;
    const Settings& settings_;
    const Memory& memory_;
    storage::Millis now_;
    std::size_t batches_max_;
    std::vector<Batch>& batches_;
    std::set<std::uint64_t> seen_;   // nodes that lose items in this round already
};

/// §7.1.2.5: reports the items that max_items pushed out of sight. The batch writes no record, but
/// expects each of the items: one that was published again meanwhile must not be reported as gone.
void RetentionRound::tell_of(const Node& node, storage::Revision after) {
    const std::size_t hidden = node.hidden(settings_);
    for (std::size_t from = node.items.rank_after(after); from < hidden && !is_full();) {
        const std::size_t to = std::min(hidden, from + items_per_batch);
        Batch batch;
        batch.is_volatile = true;
        batch.expect(Family::Control, node_key(node.uid), node.revision);
        ItemsRetracted event{node.uid, true, {}, after, after};
        for (; from < to; ++from) {
            const ItemView item = node.items.at(from);
            batch.expect(Family::Index, item_key(node.uid, node.epoch(), item.id), item.revision);
            event.ids.emplace_back(item.id);
            event.hidden_up_to = item.revision;
        }
        batch.event = encode(event);
        batches_.push_back(std::move(batch));
        after = event.hidden_up_to;
    }
}

void RetentionRound::tell(std::uint64_t& cursor) {
    const auto& hiding = memory_.unannounced_evictions();
    std::size_t seen = 0;
    auto at = hiding.lower_bound(cursor);
    for (; at != hiding.end() && seen < nodes_per_round && !is_full(); ++at, ++seen)
        if (const Node* node = memory_.find(at->first)) tell_of(*node, at->second);
    cursor = at == hiding.end() ? 0 : at->first;
}

/// The number of oldest items that may be erased: subscribers that were not notified of them yet
/// are notified first.
std::size_t RetentionRound::told(const Node& node) const {
    const auto found = memory_.unannounced_evictions().find(node.uid);
    return found == memory_.unannounced_evictions().end() ? node.items.size()
                                                          : node.items.rank_after(found->second);
}

void RetentionRound::erase_up_to(const Node& node, std::size_t from, std::size_t to) {
    const std::size_t hidden = node.hidden(settings_);
    to = std::min(to, told(node));
    while (from < to && !is_full()) {
        const std::size_t end = std::min(to, from + items_per_batch);
        Batch batch;
        // A configuration that was changed meanwhile may keep them.
        batch.expect(Family::Control, node_key(node.uid), node.revision);
        erase_items(batch, node.uid, node.epoch(), node.items, from, end);
        const storage::Revision newest = node.items.at(end - 1).revision;
        if (newest > node.lost_up_to)
            batch.put(Family::Control, lost_key(node.uid), encode(LostRecord{newest}));
        ItemsRetracted event{node.uid, node.notifies_evictions(), {}};
        // Items that were visible until they expired; of hidden ones subscribers have heard
        // already.
        for (std::size_t rank = std::max(from, hidden); rank < end; ++rank)
            event.ids.emplace_back(node.items.at(rank).id);
        if (event.is_notified && !look_at(node, std::max(from, hidden), end, event)) return;
        if (!event.ids.empty()) batch.event = encode(event);
        batches_.push_back(std::move(batch));
        from = end;
    }
}

/// Adds the values that filters ask for, where subscribers have filters; false: not read yet.
bool RetentionRound::look_at(
    const Node& node, std::size_t from, std::size_t to, ItemsRetracted& event
) {
    if (!needs_extracts(broker_, node)) return true;
    bool is_known = true;
    for (std::size_t rank = from; rank < to; ++rank) {
        const ItemView item = node.items.at(rank);
        if (item.payload_bytes == 0) {
            event.extracted.emplace_back("");
            continue;
        }
        const FoundExtract* found = broker_.extracts.find(
            node, {node.uid, node.epoch(), std::string(item.id), item.revision}
        );
        if (found)
            event.extracted.push_back(found->extracted);
        else
            is_known = false;
    }
    if (!is_known) return false;
    // Proposed again, it is read again.
    for (std::size_t rank = from; rank < to; ++rank)
        broker_.extracts.forget(node.items.at(rank).revision);
    return true;
}

void RetentionRound::erase(const std::set<std::uint64_t>& nodes, std::uint64_t& cursor) {
    std::size_t looked_at = 0;
    auto at = nodes.lower_bound(cursor);
    for (; at != nodes.end() && looked_at < nodes_per_round && !is_full(); ++at, ++looked_at) {
        const Node* node = memory_.find(*at);
        if (!node || node->record.is_deleted || seen_.contains(*at)) continue;
        const std::size_t end = node->first_retained(settings_, now_);
        if (end == 0) continue;
        seen_.insert(*at);
        erase_up_to(*node, 0, end);
    }
    cursor = at == nodes.end() ? 0 : *at;
}

/// The whole service keeps too much: the nodes that hide most lose their oldest, so that a busy one
/// does not cost a quiet one its past.
void RetentionRound::shrink_total() {
    const std::size_t kept = memory_.item_count() - memory_.old_item_count();
    const std::size_t most = settings_.archive.total_items_max;
    std::size_t excess = kept > most ? kept - most : 0;
    // Items that are shown have a quarter of the index: hidden ones make room for new ones.
    const std::uint64_t bytes_most = settings_.item_index_bytes_max / 4 * 3;
    if (memory_.index_bytes() > bytes_most) {
        const std::uint64_t beyond = memory_.index_bytes() - bytes_most;
        excess = std::max<std::size_t>(excess, beyond / Memory::index_bytes({}) + 1);
    }
    if (excess == 0) return;
    const auto& by_hidden = memory_.by_hidden();
    for (auto at = by_hidden.rbegin(); at != by_hidden.rend() && excess > 0 && !is_full(); ++at) {
        const auto [hidden, uid] = *at;
        if (!seen_.insert(uid).second) continue;   // already in this round
        const auto next = std::next(at);
        const std::size_t more = hidden - (next == by_hidden.rend() ? 0 : next->first);
        const std::size_t count = std::min({hidden, excess, more + items_per_batch});
        erase_up_to(*memory_.find(uid), 0, count);
        excess -= count;
    }
}

}   // namespace

void add_retention(
    const BrokerState& broker,
    RetentionCursor& cursor,
    storage::Millis now,
    std::size_t batches_max,
    std::vector<Batch>& batches
) {
    RetentionRound round(broker, now, batches_max, batches);
    const Memory& memory = broker.memory;
    round.tell(cursor.hiding);
    round.erase(memory.over_retention(), cursor.crowded);
    round.erase(memory.expiring(), cursor.expiring);
    round.erase(memory.over_max_items(), cursor.aging);
    round.shrink_total();
}

}   // namespace grid::pubsub
