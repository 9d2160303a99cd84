// server/delivery/fanout.hpp: from a notification to the queues of its recipients' sessions.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "controller/controller.hpp"
#include "controller/ports.hpp"
#include "pubsub/broker.hpp"
#include "server/delivery/ack_requests.hpp"
#include "server/delivery/digests.hpp"
#include "server/delivery/flush_limiter.hpp"
#include "server/log.hpp"
#include "server/session/registry.hpp"

namespace grid::server {

/// The replay's part of delivery (CatchUp): sessions that cannot be sent items now, or that get
/// more than live events.
class ReplayListener {
public:
    virtual ~ReplayListener() = default;
    /// Items for it were left out, those after `session->sent_to`.
    virtual void on_dropped(const SessionPtr& session) = 0;
    virtual void replay_from(
        const xml::Jid& subscriber, std::uint64_t node, storage::Revision after
    ) = 0;
    virtual void replay_from(
        const SessionPtr& session, std::uint64_t node, bool is_bare, storage::Revision after
    ) = 0;
    /// The session was sent items, and may be asked which have reached it.
    virtual void on_sent(const SessionPtr& session) = 0;
    /// The transport is closing: no stanza goes to it any more, and the session's position is
    /// final.
    virtual void detached(Session& session) = 0;
};

/// Serialized once, delivered to many. Per node the recipients are kept as a list of sessions,
/// built when the node publishes and dropped when a subscription, a session or a right changes.
/// Core strand.
class Fanout final : public controller::SessionControl {
public:
    Fanout(
        pubsub::Broker& broker,
        const controller::Controller& controller,
        SessionRegistry& sessions,
        FlushLimiter& flush_limiter,
        Log& log,
        std::chrono::seconds ack_patience = std::chrono::seconds(60)
    )
        : broker_(broker),
          controller_(controller),
          sessions_(sessions),
          flush_limiter_(flush_limiter),
          log_(log),
          ack_requests_(ack_patience) {}
    void attach(ReplayListener& listener) { replay_listener_ = &listener; }
    /// Called for a session that has no transport to be closed and must not be resumed any more.
    using EndHibernating = std::function<void(const SessionPtr& session, const std::string& why)>;
    void attach(EndHibernating end) { end_hibernating_ = std::move(end); }

    /// Called in the turn in which the server ends a session, before its stream is closed; of one
    /// elsewhere when this member hears of the act.
    void attach_end(std::function<void(const Session&)> on_end) { on_end_ = std::move(on_end); }
    /// Called when the server ends a session that is not there: the member of one elsewhere may
    /// have ended it before this one heard of the act.
    void attach_absent_end(std::function<void(const xml::Jid&)> on_absent_end) {
        on_absent_end_ = std::move(on_absent_end);
    }
    /// Called when all sessions of an account (bare JID) are to end.
    void attach_account_end(std::function<void(const xml::Jid&)> on_account_end) {
        on_account_end_ = std::move(on_account_end);
    }

    /// Called when a notification has gone out: whether any session here of that account, which the
    /// notice is for, has heard.
    using NoticeEnd = std::function<void(
        const pubsub::Notice& notice,
        const xml::Jid& account,
        storage::Revision revision,
        bool has_heard
    )>;
    void attach(NoticeEnd on_notice) { on_notice_ = std::move(on_notice); }

    /// Logged in, and by the certificate that its account belongs to: stanzas of clients go there.
    bool is_logged_in(const Session& session) const;
    /// The same, and it is here: events go there. A session on another member gets them from that
    /// one.
    bool may_receive(const Session& session) const {
        return !session.other_member && is_logged_in(session);
    }

    // SessionControl
    void notify(pubsub::Notification notification) override;
    bool has_audience(std::uint64_t node) override;
    void audience_changed(std::uint64_t node) override { forget_audience(node); }
    void account_changed(std::uint64_t node, std::string_view bare) override;
    void node_removed(std::uint64_t node) override;
    void replay_from(const xml::Jid& subscriber, std::uint64_t node, storage::Revision after)
        override {
        replay_listener_->replay_from(subscriber, node, after);
    }
    void tell(const xml::Jid& full, xml::Bytes rest) override;
    void push(const xml::Jid& bare, controller::Interest interest, const xml::Element& payload)
        override;
    void close_account(const xml::Jid& bare, xml::StreamError error) override;
    void close_session(const xml::Jid& full, xml::StreamError error) override;
    void rights_changed() override { forget_audiences(); }
    /// Ends the session's stream with that error. No request of it runs from now on, even one that
    /// was read already.
    void end(const SessionPtr& session, xml::StreamError error);

    /// A session came, went, or changed its presence: the recipient lists of its account's nodes
    /// change in that account's entries. Each list does so when it is used next.
    void presence_changed(const xml::Jid& bare);
    /// Puts a stanza into a session's outbox; it leaves with the next flush. Presence for a client
    /// that is inactive waits (XEP-0352), until a message or an iq takes it along.
    void send(const SessionPtr& session, Outgoing stanza);
    /// The client is active again: what waited for that is sent.
    void let_go(const SessionPtr& session);
    /// The same with an element of the stream, which is no stanza and not counted.
    void send_element(const SessionPtr& session, const xml::Element& element);
    void send_element(const SessionPtr& session, xml::Bytes element);
    /// Everything up to this revision is applied; what it means is told next.
    void applied(storage::Revision revision) { applied_ = revision; }
    storage::Revision applied() const { return applied_; }
    /// Everything up to this revision was sent to all sessions that are not replaying.
    storage::Revision completed() const;
    /// For metrics, since the start.
    struct Counts {
        std::uint64_t stanzas = 0;       // given to transports
        std::uint64_t items = 0;         // queued for a session as an event of their own
        std::uint64_t slow_closed = 0;   // sessions that left no room for what cannot wait
    };
    const Counts& counts() const { return counts_; }
    /// Notifications that wait for their turn.
    std::size_t queued() const { return queue_.size(); }
    /// Delivers queued notifications until done (true) or the deadline (false).
    bool deliver(std::chrono::steady_clock::time_point deadline);
    /// Hands the queued stanzas to the transports. Items may wait for the last ones to be out
    /// (server/delivery/flush_limiter.hpp).
    void flush();
    /// All of one session's.
    void flush_now(const SessionPtr& session);
    /// Sends the digests that are due; true when there are more.
    bool tick(std::chrono::steady_clock::time_point now);
    /// Sends what the client of a resumed session lacks, behind `first`, to its new transport.
    void send_again(const SessionPtr& session, const xml::Element& first);
    /// Asks clients that owe acknowledgements, and closes transports on which none comes in time.
    void ask_for_acks(std::chrono::steady_clock::time_point now);
    void forget_digests(const Session& session) { digests_.forget(session.id); }
    /// Takes the items that are kept for the session's digests out: they are replayed, from the
    /// first item of each on.
    std::vector<Digests::Start> take_digests(const Session& session) {
        return digests_.take(session);
    }
    /// The revision up to which the session was sent all items, those of its digests considered:
    /// the one before the first that is kept for a digest.
    storage::Revision told_but_for_digests(const Session& session, storage::Revision told) const {
        return digests_.told(session.id, told);
    }

private:
    /// The extras of a recipient: additions to its copies, presence states, digests.
    struct RecipientOptions {
        pubsub::CopyOptions copy;
        std::uint8_t shows = pubsub::every_show;
        std::uint32_t digest_ms = 0;
    };
    struct Recipient {
        SessionPtr session;
        Address to = Address::None;
        std::shared_ptr<const RecipientOptions> special = {};   // null: everything as usual
    };
    /// Of one node. An entry without a session is free.
    struct Recipients {
        std::vector<Recipient> list;
        std::size_t present = 0;         // entries that are not free
        std::size_t subscribers = 0;     // whether they are online or not, when the list was made
        std::uint64_t seen = 0;          // up to which of changes_ the list follows
        std::vector<xml::Jid> changed;   // accounts that changed at this node alone
        /// Made with the first change: where an account's entries are, and which are free.
        bool is_indexed = false;
        std::unordered_map<xml::Jid, std::vector<std::size_t>> places;
        std::vector<std::size_t> free;

        /// More changes than this cost as much as a new list.
        std::size_t changes_max() const { return 64 + subscribers / 4; }
        void index();
        void remove(const xml::Jid& bare);
        void add(const xml::Jid& bare, Recipient recipient);
    };
    using Audience = std::shared_ptr<Recipients>;

    Audience audience(std::uint64_t node, pubsub::AudienceKind kind);
    Audience make_audience(std::uint64_t node, pubsub::AudienceKind kind);
    /// False: the list is to be made anew.
    bool follow_changes(std::uint64_t node, pubsub::AudienceKind kind, Recipients& recipients);
    void add_subscriber(
        std::uint64_t node, pubsub::Subscriber subscriber, std::vector<Recipient>& into
    ) const;
    std::uint64_t change_count() const { return first_change_ + changes_.size(); }
    /// Some of the lists that were not used for a while follow what changed, so that they do not
    /// hold on to sessions that ended.
    void keep_up();
    void end_notice(const pubsub::Notification& notification, const Recipients& recipients) const;
    /// Another node that the notification names may be one that a session must not hear of.
    bool may_be_told(const Session& session, const pubsub::Notification& notification) const;
    Audience audience_of(const pubsub::Notification& notification);
    /// `node`: the node of the event (0: none, their own affairs), for rules on sessions.
    void add_recipients(
        std::uint64_t node,
        const xml::Jid& to,
        const std::shared_ptr<const RecipientOptions>& special,
        std::vector<Recipient>& into
    ) const;
    static bool is_behind(const Recipient& recipient, const pubsub::Notification& notification);
    void tell(const Recipient& recipient, const pubsub::Notification& notification);
    bool tell_jointly(const Recipient& recipient, const pubsub::Notification& notification);
    void tell_special(const Recipient& recipient, const pubsub::Notification& notification);
    xml::Bytes copy_for(const pubsub::CopyOptions& copy, const pubsub::Notification& notification);
    void put_item(const Recipient& recipient, xml::Bytes body, storage::Revision revision);
    Digests::Send digest_sender();
    bool is_for(const Digests::Due& digest) const;
    void put_digest(Digests::Due digest);
    void put(const SessionPtr& session, Outgoing stanza);
    void flush_one(const SessionPtr& session);
    enum class Room { Taken, Later, Never };
    Room take_room(const SessionPtr& session);
    bool hand_over(const SessionPtr& session);
    void keep_unacked(const SessionPtr& session);
    void leave_out_items(const SessionPtr& session);
    void close_slow(const SessionPtr& session);
    void end_streams();
    void ends_elsewhere(Session& session);
    void make_room_for(const Session& session);
    void forget_audience(std::uint64_t node);
    void forget_audiences();

    pubsub::Broker& broker_;
    const controller::Controller& controller_;
    SessionRegistry& sessions_;
    FlushLimiter& flush_limiter_;
    Log& log_;
    ReplayListener* replay_listener_ = nullptr;
    EndHibernating end_hibernating_;
    std::function<void(const Session&)> on_end_;
    std::function<void(const xml::Jid&)> on_absent_end_, on_account_end_;
    NoticeEnd on_notice_;
    AckRequests ack_requests_;
    std::map<std::uint64_t, Audience> audiences_, node_audiences_;
    std::uint64_t kept_up_ = 0, nodes_kept_up_ = 0;   // the last ones that keep_up looked at
    std::deque<xml::Jid> changes_;     // accounts whose presence changed, the newest last
    std::uint64_t first_change_ = 0;   // the number of the oldest that is kept
    std::uint64_t changes_seen_ = 0;   // up to which some list follows
    std::deque<pubsub::Notification> queue_;
    Audience current_;                 // of queue_.front(), while it is going out
    std::size_t next_ = 0;             // in current_
    xml::Bytes with_body_;             // of queue_.front(), for those who want one
    std::vector<SessionPtr> urgent_;   // of those with something in `pending`
    std::deque<SessionPtr> dirty_;     // all of them, who waits longest first
    std::vector<std::pair<SessionPtr, xml::StreamError>> endings_;
    std::uint64_t pushes_ = 0;   // for their ids
    Counts counts_;
    Digests digests_;
    storage::Revision applied_ = 0;
};

}   // namespace grid::server
