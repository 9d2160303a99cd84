// server/delivery/catch_up.hpp: replay: missed items come from the store.
#pragma once

#include <chrono>
#include <deque>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "pubsub/broker.hpp"
#include "server/delivery/fanout.hpp"
#include "server/net/tls_stream.hpp"
#include "server/session/registry.hpp"
#include "storage/store.hpp"

namespace grid::server {

/// Replay. Undelivered items are not queued per subscriber: each subscriber has a delivery
/// position, and later items are read from the store. A session has one position for all its nodes.
/// While it is replaying, items reach it from the store only, in the order of commit, as fast as it
/// reads; when none is left it joins the live events in the same turn of the strand. How far a
/// session really got is asked of its transport about once a second, and noted in the store lazily:
/// a crash repeats, it never loses.
///
/// In a cluster a session begins behind what sessions of its account on other members take care of
/// (`ask_place`). Where one of those ends before it has had all of that, this member relies on it
/// no more, and one of its own sessions gets the rest. Until the account has had that, no position
/// behind it is noted here: what was relied on is in no note. Core strand.
class CatchUp final : public ReplayListener {
public:
    CatchUp(
        net::Strand strand,
        storage::Store& store,
        pubsub::Broker& broker,
        SessionRegistry& sessions,
        Fanout& fanout,
        Log& log
    );

    /// Starts delivery to the session: it logged in, or takes items for its bare JID again.
    void on_available(const SessionPtr& session);
    /// The session logged out, and its stream goes on: items on their way reach it, unless the
    /// stream ends before. They are not sent again when it logs in again.
    void paused(const SessionPtr& session);
    /// The session takes items for its bare JID no more (negative priority), and again: likewise.
    void stepped_back(const SessionPtr& session);
    void stepped_forth(const SessionPtr& session);
    /// The session's transport has ended: stores its delivery position.
    void on_unavailable(const SessionPtr& session, Delivered delivered);

    /// Notes how far a session with stream management has got, before its transport goes.
    void note_acknowledged(const SessionPtr& session) { ask(session); }
    /// The session has a transport again: what was left out meanwhile is replayed.
    void resumed(const SessionPtr& session);

    // A session that moves to another member of a cluster.
    /// False: the session has been sent a part of what was committed together; the rest follows.
    bool is_at_a_seam(const Session& session) const;
    /// The session, of which nothing is pending, is sent no items from now on: those that it lacks
    /// are told where it goes.
    HandedPlace leave_off(const SessionPtr& session);
    /// The session goes on behind that place, with `resumed`.
    void take_up(const SessionPtr& session, const HandedPlace& place);

    // Of a cluster: catch_up_other_members.cpp
    /// How far the account's items are here, for a session of that account on another member, whose
    /// question has that turn.
    AccountPlace place_of(const std::string& account, std::uint64_t turn, std::uint64_t id);
    /// A session of that member has left the table.
    void left_elsewhere(const std::string& account, storage::MemberId member);
    /// A session has moved: from one other member to another, from here to another one, from
    /// another one here.
    void moved_elsewhere(const Session& there, storage::MemberId before);
    void went_elsewhere(const Session& there);
    void came_here(const Session& here, storage::MemberId before);
    /// The account has no session here.
    void forget_account(const std::string& account) { relied_.erase(account); }

    // ReplayListener
    void on_dropped(const SessionPtr& session) override;
    void replay_from(const xml::Jid& subscriber, std::uint64_t node, storage::Revision after)
        override;
    void replay_from(
        const SessionPtr& session, std::uint64_t node, bool is_bare, storage::Revision after
    ) override;
    void on_sent(const SessionPtr& session) override;
    void detached(Session& session) override;

    /// After `went`: it had read everything that it was handed.
    void on_all_acked(const Session& session);
    /// Memory was rebuilt from the store: live sessions were told up to here, the rest comes from
    /// it.
    void on_feed_gap(storage::Revision after);
    /// Called every 100 ms or more often: asks transports.
    void tick();
    /// How far that address got, noted in the store or soon to be.
    storage::Revision known(const std::string& jid) const;
    /// Another member of the cluster says so, and stores it.
    void known_elsewhere(const std::string& jid, storage::Revision told);
    /// The positions that are to be stored now.
    std::vector<storage::Batch> take_notes();
    void stop() { timer_.cancel(); }

    std::size_t behind() const { return behind_.size(); }
    std::uint64_t replayed() const { return replayed_; }
    /// Items that could not be read when they were first tried.
    std::uint64_t unreadable() const { return unreadable_; }

private:
    /// A payload as it was found. Left out: it is gone, or a filter does not let it through. One
    /// that the store should have and that cannot be read is told of without payload.
    struct Found {
        std::string payload;
        bool is_left_out = false;
    };
    using Values = std::vector<Found>;
    /// How often those that read slowly are looked at.
    static constexpr std::chrono::milliseconds look_every{10};
    /// Sessions of another member take care of the account's items up to there.
    struct Relied {
        storage::Revision up_to = 0;
        storage::MemberId member = 0;
    };
    struct Asked;

    void go_behind(const SessionPtr& session, pubsub::Position after);
    storage::Revision bare_start(const Session& session, storage::Revision has);
    bool has_connected_companion(const Session& session) const;
    void start_replay(const SessionPtr& session, pubsub::Position after);
    void inherit_backlog(const SessionPtr& session, storage::Revision after);
    void step(const SessionPtr& session);
    std::vector<std::shared_ptr<OtherMember>> members_to_ask(const Session& session) const;
    void ask_elsewhere(const SessionPtr& session);
    void placed(const SessionPtr& session, const Asked& asked);
    bool has_sessions(storage::MemberId member, const std::string& account) const;
    /// False: the account has had all that it relies on others for, or does not.
    bool relies(const std::string& account);
    void rely(const std::string& account, Relied on);
    SessionPtr heir_of(const std::string& account) const;
    void take_over(const std::string& account);
    void rely_no_more(const SessionPtr& session);
    void look_at_relied(std::chrono::steady_clock::time_point now);
    void read(const SessionPtr& session, pubsub::Owed owed);
    storage::Result<Found> find(const storage::Snapshot& snapshot, const pubsub::OwedItem& item)
        const;
    void tell(const SessionPtr& session, const pubsub::Owed& owed, const Values& payloads);
    void tell_item(
        const SessionPtr& session,
        const pubsub::Owed& owed,
        const Values& payloads,
        std::size_t from,
        std::size_t to
    );
    void begin_with_last_items(Session& session);
    void note_failure(
        const Session& session,
        const pubsub::Owed& owed,
        std::size_t at,
        boost::system::error_code failure
    );
    void join(const SessionPtr& session);
    bool has_room(const Session& session) const;
    bool is_ahead(const Session& session) const;
    void wait_for_room(std::chrono::milliseconds pause = look_every);
    void look_at_waiting();
    /// The session that takes the account's messages besides this one; null if there is none.
    void ask(const SessionPtr& session);
    void reached(const SessionPtr& session, storage::Revision revision);
    SessionPtr companion_of(const Session& session) const;
    storage::Revision has_of_account(const Session& session) const;
    void note(const std::string& jid, storage::Revision told);
    void note_session(const Session& session, pubsub::Position told);
    pubsub::Position told(const Session& session) const;

    net::Strand strand_;
    storage::Store& store_;
    pubsub::Broker& broker_;
    SessionRegistry& sessions_;
    Fanout& fanout_;
    Log& log_;
    boost::asio::steady_timer timer_;
    bool is_waiting_ = false;
    std::vector<std::weak_ptr<Session>> behind_;   // waiting for room
    std::deque<std::weak_ptr<Session>> to_ask_;    // for asking which items have reached them
    /// To be noted, or noted by a batch that is not seen committed yet.
    std::unordered_map<std::string, storage::Revision> notes_;
    std::vector<std::string> unsaved_;
    std::unordered_map<std::string, Relied> relied_;   // by account
    std::uint64_t last_turn_ = 0;                      // of a question, asked or heard
    /// Accounts that are to be looked at again then: a session elsewhere has ended, and how far it
    /// got may be on its way.
    std::deque<std::pair<std::chrono::steady_clock::time_point, std::string>> to_take_over_;
    std::uint64_t replayed_ = 0, unreadable_ = 0;
    std::chrono::steady_clock::time_point next_tick_;
    unsigned ticks_ = 0;
    std::size_t round_ = 0;   // of to_ask_, still to be asked in this round
};

}   // namespace grid::server
