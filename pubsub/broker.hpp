// pubsub/broker.hpp: the XEP-0060 service: requests in, decisions out; memory follows the store.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pubsub/decide/history.hpp"
#include "pubsub/decide/subtopics.hpp"
#include "pubsub/delivery/subscriber.hpp"
#include "pubsub/model/extracts.hpp"
#include "pubsub/model/records.hpp"
#include "pubsub/ports/content_filter.hpp"
#include "pubsub/ports/ports.hpp"
#include "pubsub/request.hpp"
#include "pubsub/settings.hpp"
#include "pubsub/trace.hpp"
#include "pubsub/views.hpp"
#include "storage/batch.hpp"
#include "storage/decision.hpp"
#include "storage/store.hpp"
#include "xml/jid.hpp"

namespace grid::pubsub {

struct Bounced;
class PayloadSchemas;

/// All members on the core strand, except prepare (any thread).
class Broker final : public IqService {
public:
    Broker(Settings settings, const AccessPolicy& policy, const Contacts& contacts);
    ~Broker() override;
    /// Without, no subscription has a filter. Call once, before anything else.
    void attach(const ContentFilter& filter);
    /// Without, any payload is taken. Call once, before anything else.
    void attach(const PayloadSchemas& schemas);
    /// The receiver of reports about payloads that cannot be read, from any thread. Call once,
    /// before anything else.
    void report_faults(PayloadFaults::Report report);
    const PayloadFaults& payload_faults() const;

    /// pubsub, pubsub#owner, disco#info and disco#items requests to the service address.
    std::optional<Result<PreparedRequest, xml::StanzaError>> prepare(const IqRequest& request
    ) override;
    /// The same to an account's own address (XEP-0163): `owner` is its bare JID, `request` comes
    /// from any account. nullopt also where accounts have no nodes.
    std::optional<Result<PreparedRequest, xml::StanzaError>> prepare_at_account(
        const IqRequest& request, const xml::Jid& owner
    ) const;
    /// Whether the actor may know that the account is there: itself, and those subscribed to its
    /// presence.
    bool knows_account(const Principal& actor, const xml::Jid& owner) const;
    /// A message to the service: answers to §8.6 approval requests, notifications that came back
    /// (§12.4). nullopt for any other message.
    std::optional<PreparedRequest> prepare_message(const xml::Element& message);

    /// Memory follows one key change, in commit order or from a scan. Never notifies.
    void apply(const storage::KeyChange& change);
    /// Tells subscribers what a committed batch meant; after apply of all its operations.
    void notify(const storage::Committed& committed, NotificationSink& notifier);
    /// Called once after the scan at start.
    void scan_finished();
    /// After a gap in the feed: forgets everything, before the state is scanned again. Audiences
    /// that were asked for earlier must be asked for again.
    void scan_started();

    /// Background work that is due: trims, expiry, erasing unreachable records. Each is one bounded
    /// batch, decided against the present state; empty when nothing is due. In a cluster one member
    /// leads: the others have only what follows from their own clients.
    std::vector<storage::Batch> due(
        storage::Millis now, std::size_t batches_max, bool leads = true
    );

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
    // later items are read from the store (pubsub/delivery/replay.hpp).
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
    // Nodes of accounts: the last items for a session that became available, or whose client asks
    // for more nodes (XEP-0163 §4.3.4).
    std::vector<std::uint64_t> nodes_of_account(std::string_view owner) const;
    std::vector<OwedItem> last_items(
        const xml::Jid& owner,
        const xml::Jid& full,
        const std::function<bool(std::string_view node)>& wants
    ) const;
    /// The message for one of them, as `owed_message`.
    std::optional<Notification> last_item_message(
        const OwedItem& item, const xml::Jid& full, std::string_view payload
    ) const;
    /// Batches that note positions, for those JIDs that subscribed to anything.
    std::vector<storage::Batch> note_positions(
        const std::vector<std::pair<std::string, storage::Revision>>& positions
    ) const;

    /// Switched off, a node takes no publishes, subscriptions and retrievals (not-allowed) until it
    /// is switched on again. nullopt: there is no such node; an empty batch: the node is so
    /// already.
    std::optional<storage::Batch> switch_node(std::string_view name, bool is_enabled) const;

    /// Whether a deleted account has left anything here that its name's next holder would inherit
    /// (pubsub/model/records.hpp: leaver_key).
    bool holds_anything_of(std::string_view bare) const;

    /// A session that was logged in is so no more: temporary subscriptions of its full JID end, and
    /// those of the account with its last one (§12.5). The batches are due in the background.
    void session_ended(const xml::Jid& full, bool is_last_of_account);
    /// A session has logged in: it hears of its nodes that are deleted and not erased yet.
    void logged_in(const xml::Jid& full, NotificationSink& sink) const;
    /// Of a cluster: whether this process ends what sessions left behind, wherever they were. It
    /// does where nothing is said, and what a start does is done before. One that begins to lead
    /// looks for what hangs on sessions that are not there any more, a slice with each `due`. One
    /// that does not forgets all that it has noticed.
    void lead(bool is_leading);
    /// Sessions may have left something behind that nobody noticed: a member of the cluster was
    /// lost. As above.
    void look_for_orphans();
    /// The contact's place in the owner's roster changed: its subscriptions to nodes of that owner
    /// end where their access model does not let it in any more (§4.5). True: it may be in the
    /// audience of other nodes now. The nodes are looked at and the batches due in the background.
    bool contact_changed(const xml::Jid& owner, const xml::Jid& contact);

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
    /// would do to them (pubsub/views.hpp). At most `max` are looked at.
    HolderPage holders(const HolderCursor& after, std::size_t max) const;

    /// See JoinSubtopic; the policy is asked about the topic.
    Decision join_subtopic(const Context& context, const JoinSubtopic& request) const;
    std::vector<SubtopicView> subtopics(std::string_view topic) const;
    /// The collection of a topic's subtopics, with its publishers subscribed to it; nothing when it
    /// is there, or the topic is not.
    std::optional<storage::Batch> make_subtopic_collection(
        std::string_view topic, storage::Millis now
    ) const;

    // A node's history in one go: pubsub/decide/history.hpp. The policy is the caller's to ask.
    Checked<HistoryView> open_history(const Context& context, const HistoryWish& wish) const;
    HistorySlice slice_of_history(
        const HistoryView& view,
        storage::Revision after,
        std::size_t items_max,
        std::size_t bytes_max,
        storage::Millis now
    ) const;
    /// Whether the actor may hear that there is a node of that name.
    bool knows_node(const Principal& actor, std::string_view name) const;

    std::vector<NodeView> nodes(std::string_view after, std::size_t max) const;
    struct TopicPage {
        std::vector<NodeView> topics;
        std::string next;   // the last name that was looked at; empty: there are no more
    };
    /// Topics with that part in their names, letters of ASCII in any case; no subtopics, nor
    /// collections of them. So many names are looked at, so that a page may be short.
    TopicPage topics(
        std::string_view after, std::string_view part, std::size_t max, std::size_t looked_at_max
    ) const;
    /// Of those that requests see, the newest first. nullopt: `after` is no cursor of this node's.
    std::optional<ShownItems> newest_items(
        std::string_view node, std::string_view after, std::size_t max
    ) const;
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
    /// Nodes at the broker's address.
    std::size_t node_count() const;
    std::size_t item_count() const;
    std::size_t subscription_count() const;
    /// How often each kind of event was sent out since the start, by its name ("item_published").
    std::vector<std::pair<std::string_view, std::uint64_t>> event_counts() const;
    /// The bytes that the index of items takes in memory.
    std::size_t item_memory_bytes() const;

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
    /// The conditions between the account and the items of a topic, or this one of them (empty:
    /// none).
    TopicTrace trace(
        std::string_view topic, std::string_view bare, std::string_view item, storage::Millis now
    ) const;

private:
    struct Parts;
    void count_bounce(const Bounced& bounced, storage::Millis now);

    std::unique_ptr<Parts> parts_;
};

}   // namespace grid::pubsub
