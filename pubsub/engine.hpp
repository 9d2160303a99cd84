// pubsub/engine.hpp: the XEP-0060 service: requests in, decisions out; memory follows the store.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pubsub/content_filter.hpp"
#include "pubsub/extracts.hpp"
#include "pubsub/ports.hpp"
#include "pubsub/request.hpp"
#include "pubsub/stored_payload.hpp"
#include "storage/batch.hpp"
#include "storage/decision.hpp"
#include "storage/store.hpp"
#include "xml/jid.hpp"

namespace grid::pubsub {

/// How many items a node keeps beyond those that it shows, for replay and for the archive. Shown
/// items count, but are never erased for these bounds.
struct Retention {
    std::size_t items_max = 100'000;                 // of a node
    std::uint32_t days = 7;                          // since they were published
    std::uint64_t bytes_max = 256UL * 1024 * 1024;   // payloads of a node
    std::size_t total_items_max = 2'000'000;         // of all nodes
};

/// The operator's configuration ([pubsub] in gridd.toml). Immutable while the engine lives.
struct Settings {
    xml::Jid service;          // canonical address, `pubsub.D`
    bool allow_open = false;   // pubsub.access_open
    std::string default_access_model = "whitelist";
    std::size_t nodes_max = 100'000;
    std::size_t nodes_per_account_max = 10'000;   // that it made, and that are there
    std::size_t node_name_bytes_max = 1023;
    std::size_t item_id_bytes_max = 256;   // of new items
    /// Of the index of items in memory (Memory::index_bytes): of one publisher, and of all.
    std::uint64_t item_index_bytes_per_account_max = 256UL * 1024 * 1024;
    std::uint64_t item_index_bytes_max = 1024UL * 1024 * 1024;
    /// Of a node, of the nodes that one account made, and of all.
    std::size_t affiliations_per_node_max = 200'000;
    std::size_t affiliations_per_account_max = 250'000;
    std::size_t affiliations_max = 1'000'000;
    std::size_t subtopics_share_percent = 25;   // of a topic's subtopics: for one account
    std::size_t max_items_max = 1'000'000;      // the meaning of `max`
    std::size_t max_items_default = 1'000;
    std::size_t payload_bytes_max = 256 * 1024;
    std::size_t subscriptions_per_node_max = 200'000;
    std::size_t subscriptions_per_account_max = 10'000;
    /// Of one JID at one node (§6.1.6): each of them is named in every notification.
    std::size_t subscriptions_per_jid_max = 20;
    /// The effect of subscribing once more: true, a subscription with the same options is the
    /// existing one; false, another is made (§6.1.6).
    bool is_subscribing_again_same = true;
    /// Only subscriptions that end by themselves are taken (§12.19).
    bool is_lease_required = false;
    std::uint32_t lease_seconds_max = 0;   // the longest lease (§12.19); 0: any
    /// How long before its end the subscriber is reminded; 0: never.
    std::uint32_t lease_reminder_seconds = 3600;
    /// Errors that came back from a subscriber in a day, after which its subscriptions end (§12.4).
    std::uint32_t bounces_max = 20;
    std::size_t page_max = 1'000;
    /// Default `pubsub#type` by NodeID glob, first match wins.
    std::vector<std::pair<std::string, std::string>> types;
    bool strict_type = false;   // refuse creation without a type
    Retention archive;
    std::size_t page_bytes_max = 1024 * 1024;   // payloads in one answer (at least one item)
    /// COMPAT(xmpp-grid-broker 2018): publish, retract and purge are taken as iq of type get too.
    bool write_by_get = false;
    /// Further `pubsub#…` features to advertise, for clients that insist on them.
    std::vector<std::string> advertise;
    /// COMPAT(xmpp-grid-broker 2018): `<set/>` is there in empty lists too, asked for or not.
    bool empty_set = false;
    /// Publishing to a node that does not exist makes it (§7.1.4), where the policy lets it.
    bool auto_create = false;
    /// Presence and rosters are there to ask: the broker finds out itself (Contacts).
    bool has_contacts = false;
    std::size_t children_max = 20'000;   // of one collection: what `max` means
    /// How long a subtopic without subscribers stays.
    storage::Millis subtopic_grace_ms = 60'000;
    /// Random bytes for Cursors, where the store has none yet.
    std::string cursor_seed;

    storage::Millis reminder() const { return storage::Millis{lease_reminder_seconds} * 1000; }
};

/// When an entity is there to be told (pubsub#show-values), as bits.
enum Show : std::uint8_t { Online = 1, Away = 2, Chat = 4, Dnd = 8, ExtendedAway = 16 };
inline constexpr std::uint8_t every_show = 31;

/// One recipient for fan-out: one per JID, whatever the number of its subscriptions.
struct Subscriber {
    xml::Jid jid;   // as subscribed: bare or full
    Flavour flavour;
    std::uint8_t shows = every_show;
    std::uint32_t digest_ms = 0;   // 0: told of each item by itself
};

/// An item that a subscriber has not had yet.
struct OwedItem {
    std::uint64_t node = 0;
    std::string id;
    storage::Revision revision = 0;
    std::uint64_t shelf = 0, epoch = 0;   // of the node whose index has it
    bool has_payload = false;
    bool is_for_bare = false, is_for_full = false;   // which addresses subscribed
    /// Only a payload that passes is delivered: an item of the topic, delivered as one of the
    /// subtopic.
    std::shared_ptr<const PayloadTest> test;

    ItemAt at() const { return {shelf, epoch, id, revision}; }
};
/// The oldest undelivered items, in commit order.
struct Owed {
    std::vector<OwedItem> items;
    bool is_all = true;   // there is no more
};
/// Up to where a resource was told: what came to its account, and what to its full JID.
struct Position {
    storage::Revision bare = 0, full = 0;
};
/// Subscriptions of a resource that begin earlier than its position (§6.1.7): node → revision.
using EarlierStarts = std::map<std::uint64_t, storage::Revision>;

/// The last item of a node whose subscribers get it whenever they come online (§12.2): replay
/// begins there.
struct PresenceStart {
    std::uint64_t node = 0;
    bool is_bare = false;
    storage::Revision after = 0;
};

/// A node as administration and disco show it.
struct NodeView {
    std::uint64_t uid = 0;
    std::string name, title, type, access_model, publish_model;
    std::size_t items = 0, subscriptions = 0, publishers = 0;
    storage::Millis created = 0;
    std::string creator;
    bool is_collection = false;
    bool is_enabled = true;      // see Engine::switch_node
    std::string topic, filter;   // of a subtopic; the collection of them has a topic only
};

/// A subtopic as its publishers are told of it: with the filter that its items have to pass.
struct SubtopicView {
    std::string name, filter;
    std::size_t subscriptions = 0;
};

/// The Grid protocol's subscription to the subtopic of that filter, which is made if there is none:
/// subscribers with the same filter share one subtopic.
struct JoinSubtopic {
    std::string topic;
    CanonicalFilter filter;
    xml::Jid jid;
};

/// One who has something at a node that the policy may take away.
struct Holder {
    enum class Kind : std::uint8_t { Subscriber, Publisher } kind = Kind::Subscriber;
    std::string node, type;
    std::string jid;     // of a subscription: bare or full; of a publisher: bare
    std::string subid;   // of a subscription
    std::string at;      // the node's own name: of a subtopic, `node` is its topic
};
/// The last entry of a page: this node, or this of its holders.
struct HolderCursor {
    std::string node, jid, subid;
    Holder::Kind kind = Holder::Kind::Subscriber;
};
struct HolderPage {
    std::vector<Holder> holders;
    HolderCursor last;
    bool is_end = true;
};

struct Bounced;
class PayloadSchemas;

/// All members on the grid strand, except prepare (any thread).
class Engine final : public IqService {
public:
    Engine(Settings settings, const AccessPolicy& policy, const Contacts& contacts);
    ~Engine() override;
    /// Without, no subscription has a filter. Call once, before anything else.
    void attach(const ContentFilter& filter);
    /// Without, any payload is taken. Call once, before anything else.
    void attach(const PayloadSchemas& schemas);
    /// The receiver of reports about payloads that cannot be read, from any thread. Call once,
    /// before anything else.
    void report_faults(PayloadFaults::Report report);
    const PayloadFaults& payload_faults() const;

    /// pubsub, pubsub#owner, disco#info and disco#items requests to the service address.
    std::optional<Result<Prepared, xml::StanzaError>> prepare(const IqRequest& request) override;
    /// A message to the service: answers to §8.6 approval requests, notifications that came back
    /// (§12.4). nullopt for any other message.
    std::optional<Prepared> prepare_message(const xml::Element& message);

    /// Memory follows one key change, in commit order or from a scan. Never notifies.
    void apply(const storage::KeyChange& change);
    /// Tells subscribers what a committed batch meant; after apply of all its operations.
    void notify(const storage::Committed& committed, Notifier& notifier);
    /// Called once after the scan at start.
    void scan_finished();
    /// After a gap in the feed: forgets everything, before the state is scanned again. Audiences
    /// that were asked for earlier must be asked for again.
    void scan_started();

    /// Background work that is due: trims, expiry, erasing unreachable records. Each is one bounded
    /// batch, decided against the present state; empty when nothing is due.
    std::vector<storage::Batch> due(storage::Millis now, std::size_t batches_max);

    /// Items that are to expire and have to be read before, for `look_up` to find on any thread;
    /// what comes of it goes to `learn`.
    std::vector<WantedExtract> take_wanted();
    std::vector<FoundExtract> look_up(
        const storage::Snapshot& snapshot, const std::vector<WantedExtract>& wanted
    ) const;
    void learn(std::vector<FoundExtract> found);

    /// The recipients of this node's notifications: subscribed, delivering, and allowed by the
    /// policy in force. A removed node's last recipients stays known until its trash is erased.
    std::vector<Subscriber> audience(std::uint64_t node, AudienceKind kind = AudienceKind::Items)
        const;
    /// The same of one account's addresses.
    std::vector<Subscriber> audience(std::uint64_t node, AudienceKind kind, std::string_view bare)
        const;

    /// Whether this address is in the node's audience still (digests are kept back for it).
    bool is_in_audience(const xml::Jid& subscriber, std::uint64_t node) const;

    /// Whether the policy lets this very session have the node's notifications; for those who are
    /// in its audience by their account. At once where the policy does not look at sessions.
    bool may_receive_here(const Principal& session, std::uint64_t node) const;
    /// Whether a notification for this session may name that node (Notification::about): it may
    /// discover the node, or receive what is published there.
    bool may_be_told_of(const Principal& session, std::uint64_t node) const;

    // Undelivered items are not queued per subscriber: each subscriber has a delivery position, and
    // later items are read from the store (pubsub/replay.hpp).
    /// Up to where this JID, as it stands in subscriptions, was told by the last time it was noted.
    storage::Revision position(std::string_view jid) const;
    /// Whether this account has any subscription.
    bool is_subscriber(const xml::Jid& jid) const;
    /// The oldest items after that position which this resource may have; at least one if any.
    Owed owed(
        const xml::Jid& full,
        Position after,
        const EarlierStarts& earlier,
        std::size_t items_max,
        std::size_t bytes_max
    ) const;
    /// The message for one of them, with the time at which it was published, as for `notify`; `to`
    /// is empty. nullopt when the item is gone meanwhile, replaced, or may not be received any
    /// more.
    std::optional<Notification> owed_message(
        const OwedItem& item, const xml::Jid& subscriber, std::string_view payload
    ) const;
    /// The same for one item that came to this address by several sources, each passed by its
    /// filter: one message for a topic and its filters (§6.1.6), besides those of other nodes.
    std::vector<Notification> owed_messages(
        const std::vector<const OwedItem*>& sources,
        const xml::Jid& subscriber,
        std::string_view payload
    ) const;
    /// Earlier starts of replay for this resource, because it comes online.
    std::vector<PresenceStart> starts_at_presence(const xml::Jid& full) const;
    /// Batches that note positions, for those JIDs that subscribed to anything.
    std::vector<storage::Batch> note_positions(
        const std::vector<std::pair<std::string, storage::Revision>>& positions
    ) const;

    /// Switched off, a node takes no publishes, subscriptions and retrievals (not-allowed) until it
    /// is switched on again. nullopt: there is no such node; an empty batch: the node is so
    /// already.
    std::optional<storage::Batch> switch_node(std::string_view name, bool is_enabled) const;

    /// Whether a deleted account has left anything here that its name's next holder would inherit
    /// (pubsub/records.hpp: leaver_key).
    bool holds_anything_of(std::string_view bare) const;

    /// A session that was logged in is so no more: temporary subscriptions of its full JID end, and
    /// those of the account with its last one (§12.5). The batches are due in the background.
    void session_ended(const xml::Jid& full, bool is_last_of_account);

    /// Nodes in which this bare JID has a subscription, and those beneath: whose audience it may be
    /// part of.
    std::vector<std::uint64_t> subscribed_nodes(const xml::Jid& bare) const;
    /// Whether the account has any subscription whose check is older than the policy in force; and
    /// a bounded batch of removals for those that fail now.
    std::vector<storage::Batch> sweep(std::size_t subscriptions_max);
    /// Whether a sweep for the policy in force is not finished: it may go on after an empty slice.
    bool is_sweep_pending() const;
    /// A pass that removed anything is followed by another, for what changed meanwhile. That one is
    /// not to begin before the removals are committed.
    bool is_sweep_at_start() const;
    /// Subscriptions and publishers, in the order of nodes, behind a cursor: for what a policy
    /// would do to them (pubsub/rights_walk.hpp). At most `max` are looked at.
    HolderPage holders(const HolderCursor& after, std::size_t max) const;

    /// See JoinSubtopic; the policy is asked about the topic.
    Decision join_subtopic(const Context& context, const JoinSubtopic& request) const;
    std::vector<SubtopicView> subtopics(std::string_view topic) const;
    /// The collection of a topic's subtopics, with its publishers subscribed to it; nothing when it
    /// is there, or the topic is not.
    std::optional<storage::Batch> make_subtopic_collection(
        std::string_view topic, storage::Millis now
    ) const;

    std::vector<NodeView> nodes(std::string_view after, std::size_t max) const;
    std::optional<NodeView> node(std::string_view name) const;
    /// 0: there is no such node.
    std::uint64_t node_uid(std::string_view name) const;
    /// Owners and publishers of a node: bare JID and affiliation.
    std::vector<std::pair<std::string, std::string>> publishers(
        std::string_view node, std::size_t max
    ) const;
    /// "owner", "publisher", …, "none": of an account with a node.
    std::string_view affiliation(std::string_view node, std::string_view bare) const;
    /// Whether the account is owner or publisher of the node of that uid.
    bool publishes(std::uint64_t node, std::string_view bare) const;
    /// Nodes at which the account is owner or publisher.
    std::vector<std::string> published_by(std::string_view bare, std::size_t max) const;
    std::size_t node_count() const;
    std::size_t item_count() const;
    std::size_t subscription_count() const;
    /// The bytes that the index of items takes in memory.
    std::size_t item_memory_bytes() const;
    /// The same as its bounds count it.
    std::uint64_t item_index_bytes() const;

    /// A subscription as administrators see it; `node` is the topic or one of its subtopics.
    struct SubscriberView {
        std::string node, jid, subid, state, filter;
    };
    /// The subscriptions to a node and its subtopics, behind that one (empty: from the first), by
    /// node, JID and subid.
    std::vector<SubscriberView> subscribers(
        std::string_view node, const SubscriberView& after, std::size_t max
    ) const;
    /// Empty: there is no such node.
    std::string node_name(std::uint64_t uid) const;

private:
    struct State;
    void count_bounce(const Bounced& bounced, storage::Millis now);

    std::unique_ptr<State> state_;
};

}   // namespace grid::pubsub
