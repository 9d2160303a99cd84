// pubsub/model/memory.hpp: everything the broker remembers: a function of the key changes it was
// fed.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "pubsub/cursors.hpp"
#include "pubsub/model/node.hpp"
#include "pubsub/model/node_tree.hpp"
#include "storage/batch.hpp"

namespace grid::pubsub {

/// Texts that repeat, as numbers. Never forgets: for publishers, of which there are few.
class StringPool {
public:
    std::uint32_t number_of(std::string_view text);
    std::optional<std::uint32_t> find(std::string_view text) const;
    const std::string& text_of(std::uint32_t number) const { return texts_[number]; }

private:
    std::unordered_map<std::string_view, std::uint32_t> numbers_;   // keys point into texts_
    std::deque<std::string> texts_;
};

/// A name whose node was deleted in favour of another place.
struct MovedName {
    std::string uri;
    storage::Revision revision = 0;
    std::string maker;   // of the node; may be empty
};

/// Up to where a subscriber was told.
struct NotedPosition {
    storage::Revision told = 0;
    storage::Revision revision = 0;   // of its record
};

/// A leased subscription, by when something is to be done: a reminder, then its end (§12.19).
struct Lease {
    storage::Millis due = 0;
    std::uint64_t node = 0;
    SubscriptionKey key;

    friend bool operator<(const Lease& a, const Lease& b) {
        return std::tie(a.due, a.node, a.key.jid, a.key.subid) <
               std::tie(b.due, b.node, b.key.jid, b.key.subid);
    }
};

/// Counts of the nodes that one account made.
struct MadeBy {
    std::size_t nodes = 0;          // live ones
    std::size_t moved_names = 0;    // of those that were deleted in favour of another place
    std::size_t affiliations = 0;   // as affiliation_weight counts
};

/// Items of one epoch that is over, or of a node that is gone: erased in the background.
using OldItems = std::map<std::pair<std::uint64_t, std::uint64_t>, Items>;   // uid, epoch

class Memory {
public:
    explicit Memory(const Settings& settings)
        : settings_(settings), cursors_(std::make_unique<Cursors>(settings.cursor_seed)) {}

    /// The only way in.
    void apply(const storage::KeyChange& change);
    void scan_finished();
    /// As new: a scan follows.
    void forget();

    const Node* find(std::string_view name) const;
    const Node* find(std::uint64_t uid) const;
    const MovedName* find_moved(std::string_view name) const;
    std::size_t moved_names() const { return moved_.size(); }
    /// Live nodes by name.
    const std::map<std::string, Node*, std::less<>>& by_name() const { return by_name_; }
    /// Of them, those of accounts (pubsub/ports/personal.hpp).
    std::size_t personal_count() const { return personal_count_; }
    /// Nodes in which the account has subscriptions, with their number.
    const std::map<std::uint64_t, std::size_t>& subscribed_nodes(std::string_view bare) const;
    std::size_t subscriptions_of(std::string_view bare) const;
    const std::set<std::uint64_t>& affiliated_nodes(std::string_view bare) const;
    /// By subscriber, bare or full JID.
    const std::unordered_map<std::string, NotedPosition>& positions() const { return positions_; }
    /// With the key that the store keeps, as soon as it has one.
    const Cursors& cursors() const { return *cursors_; }
    bool has_cursor_key() const { return has_cursor_key_; }
    /// Of those who have no subscription any more.
    const std::set<std::string>& stale_positions() const { return stale_positions_; }
    const std::string& publisher(const ItemView& item) const {
        return publishers_.text_of(item.publisher);
    }

    /// The graph of collections, and the lists that discovery shows.
    const NodeTree& tree() const { return tree_; }
    /// Revision of a guard over all nodes (pubsub/model/records.hpp), 0: never written.
    storage::Revision guard(std::string_view name) const;
    /// Deleted accounts of which something is left, with their records' revisions.
    const std::map<std::string, storage::Revision, std::less<>>& leavers() const {
        return leavers_;
    }
    /// Nodes at which requests wait for an owner (§8.7).
    const std::set<std::uint64_t>& pending() const { return pending_; }

    /// Subtopics without subscribers; and those, with their collections, of topics that are gone.
    const std::set<std::uint64_t>& idle_subtopics() const { return idle_; }
    const std::set<std::uint64_t>& orphans() const { return orphans_; }
    /// Topics that have subtopics.
    const std::set<std::uint64_t>& topics() const { return topics_; }

    /// Keys come in any order: what looks unreachable may not be.
    bool is_scanning() const { return is_scanning_; }

    // The indexes that background work looks at.
    const std::set<Lease>& leases() const { return leases_; }
    const OldItems& old_items() const { return old_items_; }
    const std::map<std::pair<std::uint64_t, std::uint64_t>, storage::Revision>& trash() const {
        return trash_;
    }
    const std::set<std::uint64_t>& deleted() const { return deleted_; }
    const std::set<std::uint64_t>& cleaning() const { return cleaning_; }
    const std::set<std::uint64_t>& over_max_items() const { return over_max_items_; }
    const std::set<std::uint64_t>& expiring() const { return expiring_; }
    /// Nodes that hide items and are over a bound of Retention.
    const std::set<std::uint64_t>& over_retention() const { return over_retention_; }
    /// Nodes that hide items, by how many.
    const std::set<std::pair<std::size_t, std::uint64_t>>& by_hidden() const { return by_hidden_; }
    const std::unordered_map<std::uint64_t, std::unique_ptr<Node>>& nodes() const { return nodes_; }

    /// Nodes whose subscribers are to hear that items went out of sight, and up to which revision
    /// they did. Soft state, not from key changes: a start forgets it.
    const std::map<std::uint64_t, storage::Revision>& unannounced_evictions() const {
        return unannounced_evictions_;
    }
    /// Subscribers were notified of the items hidden after the one revision up to the other.
    void announced_evictions(std::uint64_t uid, storage::Revision after, storage::Revision up_to);

    /// Keys of payloads that nothing shows any more, until they are seen erased.
    const std::deque<std::string>& stale_payloads() const { return stale_payloads_; }

    std::size_t item_count() const { return item_count_; }
    /// Of them, those in old_items().
    std::size_t old_item_count() const { return old_item_count_; }
    std::size_t subscription_count() const { return subscription_count_; }
    std::size_t memory_bytes_of_items() const;

    // Counts for bounds, made from key changes, so that a restart counts the same.
    /// Bytes that an item of that id takes in the index, about.
    static std::uint64_t index_bytes(std::string_view id) { return id.size() + 64; }
    /// Of all items that were not erased yet, shown or not.
    std::uint64_t index_bytes() const { return index_bytes_; }
    /// Of those of one publisher.
    std::uint64_t index_bytes_of(std::string_view publisher) const;
    /// Long addresses count several times.
    static std::size_t affiliation_weight(std::string_view bare) { return 1 + bare.size() / 256; }
    std::size_t affiliation_count() const { return affiliation_count_; }
    MadeBy made_by(std::string_view bare) const;

private:
    Node& node(std::uint64_t uid);
    void apply_name(std::string_view name, const storage::KeyChange& change);
    void apply_node(std::uint64_t uid, const storage::KeyChange& change);
    void apply_affiliation(const ParsedKey& key, const storage::KeyChange& change);
    void apply_subscription(const ParsedKey& key, const storage::KeyChange& change);
    void apply_position(const ParsedKey& key, const storage::KeyChange& change);
    void note_position(const std::string& jid);
    void apply_item(const ParsedKey& key, const storage::KeyChange& change);
    void enter(Node& node);
    void put_name(Node& node);
    void erase_name(const Node& node);
    /// All its items are of an epoch that is over.
    void put_away(Node& node, std::uint64_t epoch);
    void take_early_items(Node& node);
    void note_items(Node& node);
    void forget_items(Node& node);
    void note_evictions(const Node& node, storage::Revision hidden_before);
    void note_cleaning(const Node& node);
    void note_subscription(Node& node, const Subscriptions::value_type& entry, bool is_there);
    void note_stale_payload(const ParsedKey& key, const ItemView& old);
    void drop_if_empty(std::uint64_t uid);
    static void note_joint(Node& node, const std::string& jid);
    void charge_item(std::string_view id, std::uint32_t publisher, bool is_there);
    /// Before and after each change of a node's record or its affiliations.
    void charge_maker(const Node& node, bool is_there);
    void weigh_affiliation(Node& node, std::string_view bare, bool is_there);
    void note_filter(Node& node, const Subscriptions::value_type& entry, bool is_there);
    void note_use(const Node& node);
    void join_topic(Node& node);
    void leave_topic(Node& node);
    void hide(Node& node);
    void note_time(storage::Millis time);

    const Settings& settings_;
    std::unique_ptr<Cursors> cursors_;
    bool has_cursor_key_ = false;
    std::unordered_map<std::uint64_t, std::unique_ptr<Node>> nodes_;
    std::map<std::string, Node*, std::less<>> by_name_;
    std::size_t personal_count_ = 0;
    std::unordered_map<std::string, MovedName> moved_;
    std::unordered_map<std::string, std::map<std::uint64_t, std::size_t>>
        subscribed_;                                                        // by account
    std::unordered_map<std::string, std::set<std::uint64_t>> affiliated_;   // by account
    NodeTree tree_;
    std::map<std::string, storage::Revision, std::less<>> guards_, leavers_;
    StringPool publishers_;
    OldItems old_items_;
    std::map<std::pair<std::uint64_t, std::uint64_t>, storage::Revision> trash_;
    std::set<std::uint64_t> deleted_, cleaning_, over_max_items_, expiring_, over_retention_,
        pending_;
    std::set<std::uint64_t> idle_, orphans_, topics_;
    std::set<std::pair<std::size_t, std::uint64_t>> by_hidden_;
    std::map<std::uint64_t, storage::Revision> unannounced_evictions_;
    std::set<Lease> leases_;
    std::unordered_map<std::string, NotedPosition> positions_;
    std::set<std::string> stale_positions_;
    std::deque<std::string> stale_payloads_;
    std::string last_payload_erased_;
    std::size_t item_count_ = 0, old_item_count_ = 0, subscription_count_ = 0;
    std::vector<std::uint64_t> index_bytes_by_publisher_;   // by StringPool number
    std::uint64_t index_bytes_ = 0;
    std::size_t affiliation_count_ = 0;
    std::unordered_map<std::string, MadeBy> made_by_;
    bool is_scanning_ = true;      // keys come in any order
    storage::Millis latest_ = 0;   // commit time that was applied
};

}   // namespace grid::pubsub
