// pubsub/maintenance/due.cpp: cleaning and erasing. All only propose: a batch that comes
// late, twice or from several nodes fails its expectations and does no harm.
#include "pubsub/maintenance/due.hpp"

#include <algorithm>

#include "pubsub/decide/subscription_change.hpp"
#include "pubsub/delivery/deletions.hpp"
#include "pubsub/model/events.hpp"
#include "pubsub/model/retention.hpp"

namespace grid::pubsub {

using storage::Batch;
using storage::Family;

namespace {

constexpr std::size_t records_per_batch = 100;
/// Of a subscription that is ended: its record, the audit's, and a notice for one that is away.
constexpr std::size_t operations_per_end = 3;

class UpkeepRound {
public:
    UpkeepRound(const BrokerState& broker, storage::Millis now, std::size_t batches_max)
        : broker_(broker), memory_(broker.memory), now_(now), batches_max_(batches_max) {}

    bool is_full() const { return batches_.size() >= batches_max_; }
    std::vector<Batch> take() { return std::move(batches_); }

    void erase_trash();
    void erase_unlisted();
    void clean_leavers();
    void clean_subscriptions();
    void erase_stale_payloads();
    void erase_stale_positions();
    void keep_cursor_key();
    void retain(RetentionCursor& cursor) {
        // The rest of a round is for the others, however much is published.
        add_retention(broker_, cursor, now_, batches_max_ - batches_max_ / 4, batches_);
    }

private:
    void add(Batch batch) {
        if (!batch.operations.empty()) batches_.push_back(std::move(batch));
    }
    void erase_old(const OldItems::key_type& key, const Items& items);
    void erase_node(const Node& node, storage::Revision trash, std::uint64_t epoch);
    bool clean_account(const Node& node, const std::string& bare);
    bool clean_narrowed(const Node& node);

    const BrokerState& broker_;
    const Memory& memory_;
    storage::Millis now_;
    std::size_t batches_max_;
    std::vector<Batch> batches_;
};

void UpkeepRound::erase_trash() {
    for (const auto& [key, revision] : memory_.trash()) {
        const auto& [uid, epoch] = key;
        const auto items = memory_.old_items().find(key);
        if (items != memory_.old_items().end()) {
            erase_old(key, items->second);
        } else {
            const Node* node = memory_.find(uid);
            if (node && node->record.is_deleted && node->record.epoch == epoch) {
                erase_node(*node, revision, epoch);
            } else {
                Batch batch;
                batch.expect(Family::Control, trash_key(uid, epoch), revision);
                batch.erase(Family::Control, trash_key(uid, epoch));
                add(std::move(batch));
            }
        }
        if (is_full()) return;
    }
}

void UpkeepRound::erase_old(const OldItems::key_type& key, const Items& items) {
    const std::size_t total = items.size();
    for (std::size_t from = 0; from < total && !is_full(); from += items_per_batch) {
        Batch batch;
        const std::size_t to = std::min(total, from + items_per_batch);
        erase_items(batch, key.first, key.second, items, from, to);
        add(std::move(batch));
    }
}

/// A purge of a topic ends the items of all its subtopics, however many: no list of them is needed,
/// since an epoch that is over never comes back.
void UpkeepRound::erase_unlisted() {
    if (memory_.is_scanning()) return;
    for (const auto& [key, items] : memory_.old_items()) {
        if (is_full()) return;
        if (!memory_.trash().contains(key)) erase_old(key, items);
    }
}

/// The records of a deleted node, its own and the trash note last.
void UpkeepRound::erase_node(const Node& node, storage::Revision trash, std::uint64_t epoch) {
    Batch batch;
    const bool is_told = tells_of_deletion(node);
    for (const auto& [key, subscription] : node.subscriptions) {
        if (batch.operations.size() >= records_per_batch) return add(std::move(batch));
        std::string at = subscription_key(node.uid, key.jid, key.subid);
        batch.expect(Family::Control, at, subscription.revision);   // so that it is told once
        batch.erase(Family::Control, std::move(at));
        if (is_told) store_notice(broker_, batch, node, key.jid, deletion_notice(node));
    }
    for (const auto& [bare, entry] : node.affiliations) {
        if (batch.operations.size() >= records_per_batch) return add(std::move(batch));
        batch.erase(Family::Control, affiliation_key(node.uid, bare));
    }
    const NodeTree& tree = memory_.tree();
    for (const auto& [child, revision] : tree.children(node.uid)) {
        if (batch.operations.size() >= records_per_batch) return add(std::move(batch));
        batch.erase(Family::Control, edge_key(node.uid, child));
    }
    for (const auto& [parent, revision] : tree.parents(node.uid)) {
        if (batch.operations.size() >= records_per_batch) return add(std::move(batch));
        batch.erase(Family::Control, edge_key(parent, node.uid));
    }
    if (node.guard != 0) batch.erase(Family::Control, guard_key(node.uid));
    if (node.hidden_up_to != 0) batch.erase(Family::Control, hidden_key(node.uid));
    if (node.lost_up_to != 0) batch.erase(Family::Control, lost_key(node.uid));
    batch.expect(Family::Control, node_key(node.uid), node.revision);
    batch.expect(Family::Control, trash_key(node.uid, epoch), trash);
    batch.erase(Family::Control, node_key(node.uid));
    batch.erase(Family::Control, trash_key(node.uid, epoch));
    add(std::move(batch));
}

/// A node of an account that is no more. Its record is the gate: no publish in flight survives.
void delete_node(Batch& batch, const Node& node) {
    NodeRecord record = node.record;
    record.is_deleted = true;
    batch.expect(Family::Control, node_key(node.uid), node.revision);
    batch.put(Family::Control, node_key(node.uid), encode(record));
    batch.erase(Family::Control, name_key(node.name()));
    batch.put(Family::Control, trash_key(node.uid, record.epoch), "");
    batch.event += encode(NodeDeleted{node.uid, {}});
}

/// Removes what deleted accounts had at the broker. Each batch expects the deletion's marker
/// record, which is erased last: a name that is given to another account before has nothing of its
/// former holder left (controller/accounts/account_machine.cpp).
void UpkeepRound::clean_leavers() {
    for (const auto& [bare, revision] : memory_.leavers()) {
        if (is_full()) return;
        Batch batch;
        const std::string note = leaver_key(bare);
        batch.expect(Family::Control, note, revision);
        for (const auto& [uid, count] : memory_.subscribed_nodes(bare)) {
            const Node* node = memory_.find(uid);
            if (!node) continue;
            node->each_subscription_of_account(bare, [&](const auto& entry) {
                if (batch.operations.size() < records_per_batch)
                    erase_subscription(broker_, batch, *node, entry, false);
            });
        }
        bool has_own = false;
        for (std::uint64_t uid : memory_.affiliated_nodes(bare)) {
            const Node* node = memory_.find(uid);
            if (node && owner_in(node->name()) == bare) {
                // Own nodes go as a whole; erasing them, the round erases the affiliation.
                has_own = true;
                if (!node->record.is_deleted && batch.operations.size() < records_per_batch)
                    delete_node(batch, *node);
                continue;
            }
            if (!node || batch.operations.size() >= records_per_batch) continue;
            const std::string key = affiliation_key(uid, bare);
            batch.expect(Family::Control, key, node->affiliation_revision(bare));
            batch.erase(Family::Control, key);
            if (node->affiliation(bare) != Affiliation::Owner) continue;
            // Another owner may resign meanwhile because there is this one.
            batch.expect(Family::Control, guard_key(uid), node->guard);
            batch.put(Family::Control, guard_key(uid), "");
        }
        if (batch.operations.empty() && !has_own) batch.erase(Family::Control, note);
        add(std::move(batch));
    }
}

void UpkeepRound::clean_subscriptions() {
    for (std::uint64_t uid : memory_.cleaning()) {
        const Node* node = memory_.find(uid);
        if (!node) continue;
        for (const std::string& bare : node->cleaning) {
            if (is_full()) return;
            clean_account(*node, bare);
        }
        if (is_full()) return;
        if (node->record.is_narrowed) clean_narrowed(*node);
    }
}

/// Expects the affiliation: an account that is let in again keeps the subscriptions that are left.
bool UpkeepRound::clean_account(const Node& node, const std::string& bare) {
    const AffiliationEntry& entry = node.affiliations.at(bare);
    const std::string key = affiliation_key(node.uid, bare);
    Batch batch;
    batch.expect(Family::Control, key, entry.revision);
    std::size_t removed = 0;
    node.each_subscription_of_account(bare, [&](const auto& subscription) {
        if (removed++ < items_per_batch)
            erase_subscription(broker_, batch, node, subscription, true);
    });
    for (const auto& [filter, subtopic] : node.subtopics)
        subtopic->each_subscription_of_account(bare, [&](const auto& subscription) {
            if (removed++ < items_per_batch)
                erase_subscription(broker_, batch, *subtopic, subscription, true);
        });
    if (removed == 0) {   // done
        if (entry.record.affiliation == Affiliation::None)
            batch.erase(Family::Control, key);
        else
            batch.put(
                Family::Control, key, encode(AffiliationRecord{entry.record.affiliation, false})
            );
    }
    add(std::move(batch));
    return removed == 0;
}

bool UpkeepRound::clean_narrowed(const Node& node) {
    Batch batch;
    batch.expect(Family::Control, node_key(node.uid), node.revision);
    std::size_t removed = 0;
    const auto clean = [&](const Node& one) {
        for (const auto& entry : one.subscriptions) {
            const std::string_view bare = bare_of(entry.first.jid);
            if (may_keep_subscriptions(broker_.contacts, node, bare, node.affiliation(bare)))
                continue;
            if (batch.operations.size() + operations_per_end > records_per_batch) return;
            ++removed;
            end_subscription(
                broker_, batch, one, entry, true, "the access model does not allow it any more"
            );
        }
    };
    clean(node);
    for (const auto& [filter, subtopic] : node.subtopics) clean(*subtopic);
    if (removed == 0) {
        NodeRecord record = node.record;
        record.is_narrowed = false;
        batch.put(Family::Control, node_key(node.uid), encode(record));
        batch.event = encode(NodeConfigured{node.uid, false});
    }
    add(std::move(batch));
    return removed == 0;
}

/// A payload key is written once and never again: erasing it needs no expectation. The list forgets
/// what apply sees erased, so that a batch which was refused is proposed again.
void UpkeepRound::erase_stale_payloads() {
    const auto& stale = memory_.stale_payloads();
    for (auto at = stale.begin(); at != stale.end() && !is_full();) {
        Batch batch;
        for (; at != stale.end() && batch.operations.size() < records_per_batch; ++at)
            batch.erase(Family::Payload, *at);
        add(std::move(batch));
    }
}

/// A subscription that came meanwhile keeps nothing of it: it starts with its own record.
void UpkeepRound::erase_stale_positions() {
    const auto& stale = memory_.stale_positions();
    for (auto at = stale.begin(); at != stale.end() && !is_full();) {
        Batch batch;
        for (; at != stale.end() && batch.operations.size() < records_per_batch; ++at) {
            const std::string key = position_key(*at);
            batch.expect(Family::Control, key, memory_.positions().at(*at).revision);
            batch.erase(Family::Control, key);
        }
        add(std::move(batch));
    }
}

/// Cursors and archive ids that were given out hold over a restart.
void UpkeepRound::keep_cursor_key() {
    if (memory_.is_scanning() || memory_.has_cursor_key() || broker_.settings.cursor_seed.empty())
        return;
    Batch batch;
    batch.expect(Family::Control, cursor_key_key(), 0);
    batch.put(
        Family::Control, cursor_key_key(), encode(CursorKeyRecord{broker_.settings.cursor_seed})
    );
    add(std::move(batch));
}

}   // namespace

std::vector<Batch> due_batches(
    const BrokerState& broker,
    BackgroundCursor& cursor,
    storage::Millis now,
    std::size_t batches_max
) {
    UpkeepRound round(broker, now, batches_max);
    round.keep_cursor_key();
    if (!round.is_full()) round.clean_leavers();
    if (!round.is_full()) round.clean_subscriptions();
    round.retain(cursor.retention);
    if (!round.is_full()) round.erase_trash();
    if (!round.is_full()) round.erase_unlisted();
    round.erase_stale_payloads();
    round.erase_stale_positions();
    return round.take();
}

}   // namespace grid::pubsub
