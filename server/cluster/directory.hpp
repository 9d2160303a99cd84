// server/cluster/directory.hpp: sessions on all members of a cluster, as this member knows them.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "server/cluster/directory_frames.hpp"
#include "server/cluster/links.hpp"
#include "server/cluster/member.hpp"
#include "server/core/core.hpp"
#include "server/session/other_member.hpp"

namespace grid::server::cluster {

struct DirectorySettings {
    /// Stanzas wait so long for a member whose connection is lost; then they are dealt with as if
    /// their sessions had ended. Longer than a lease.
    std::chrono::milliseconds patience{5'000};
    std::size_t bytes_max = 16UL * 1024 * 1024;   // of stanzas that one member has not taken
    std::chrono::milliseconds heard_every{5'000};
    /// A client that resumes a session of another member waits so long for it.
    std::chrono::milliseconds fetch_max{5'000};
    /// And so long for word how far its account's items are there; then for its own member's.
    std::chrono::milliseconds place_within{500};
    /// A session is answered when the others know what it said (SessionWatcher::when_told).
    bool waits_until_told = false;
    std::chrono::milliseconds told_within{1'000};   // and after that in any case
};

/// Members tell each other their sessions over Channel::Directory: with each new connection all of
/// them, a slice at a time, then each that changed, as it is now. A session elsewhere stands in the
/// session table, and its stanzas go over Channel::Stanza (server/session/other_member.hpp). Public
/// members may be called from any thread, unless they say otherwise.
class Directory final : public SessionWatcher, public std::enable_shared_from_this<Directory> {
public:
    /// Before Core::start and Links::start, on the calling thread. Core and links outlive it.
    static std::shared_ptr<Directory> make(
        Core& core, Links& links, const Member& self, Log& log, DirectorySettings settings = {}
    );
    ~Directory() override;

    /// The members that have a lease, this one or not. A member that has none any more, and no
    /// connection, is lost.
    void set_members(std::vector<Member> members);
    /// Sessions of that member end here, and if this member leads, what they left behind ends, too.
    void member_lost(storage::MemberId member);
    /// Whether this member does what belongs to nobody's session: it leads the cluster. False at
    /// first.
    void lead(bool is_leading);
    /// Sessions elsewhere leave the table, and nothing more is told. Core strand, after the links
    /// were stopped.
    void stop();

    struct Status {
        storage::MemberId member = 0;
        std::string name;
        bool is_connected = false;
        bool is_complete = false;   // all of its sessions were told
        std::size_t sessions = 0;
        std::size_t waiting = 0;   // stanzas that it has not taken
    };
    /// Core strand.
    std::vector<Status> status() const;

    // SessionWatcher (core strand)
    void on_entered(const Session& session) override;
    void on_changed(const Session& session) override;
    void on_left(const Session& session) override;
    void on_ended(const EndOfSession& end) override;
    bool is_untold(const Session& session) const override;
    void when_told(const Session& session, std::function<void()> done) override;
    void ask_who_has(UnreadShared unread, CaredFor done) override;
    void ask_no_more() override;
    std::vector<std::shared_ptr<OtherMember>> others() const override;
    void on_tick(TimePoint now) override;

private:
    struct Peer;
    using PeerPtr = std::shared_ptr<Peer>;
    struct Private {};
    /// Another member is asked how far an account's items are there.
    struct Placing {
        storage::MemberId of = 0;
        TimePoint until;
        OtherMember::Placed done;
    };
    /// Other members are asked about messages that a session here left unread.
    struct AskingWhoHas {
        UnreadShared unread;
        CaredFor done;
        TimePoint until;
        std::set<storage::MemberId> open;   // those that have not answered
        std::vector<bool> found;            // by any of them
        bool has_moved = false, is_second = false;
    };
    /// A session of another member on its way here.
    struct Fetching {
        storage::MemberId from = 0;
        std::uint64_t session = 0;
        TimePoint until;
        std::string bytes;
        bool is_whole = false;
        OtherMember::Fetched done;
    };
    /// A session here on its way to another member.
    struct Giving {
        std::uint64_t session = 0;
        std::string bytes;           // empty: its requests are not answered yet
        std::size_t sent = 0;        // of these
        std::uint64_t stanzas = 0;   // that its client was sent, with those that go along
        bool is_in_doubt = false;    // the connection was lost when all was sent
        bool is_whole() const { return !bytes.empty() && sent == bytes.size(); }
    };

public:
    Directory(
        Private, Core& core, Links& links, const Member& self, Log& log, DirectorySettings settings
    );

private:
    void attach();
    /// To the core strand, if this directory is still there.
    void post(std::function<void(Directory&)> work);
    PeerPtr find(storage::MemberId member) const;
    PeerPtr peer_of(const Member& member);
    void look_at_members();
    void connection_changed(const Member& member, bool is_up);
    void disconnected(Peer& peer);
    void reach(const PeerPtr& peer, bool is_reachable);
    void connect(const PeerPtr& peer, const SessionPtr& session);
    void give_up(const PeerPtr& peer);
    void lose(const PeerPtr& peer);
    void note_completeness();
    bool is_named_by_successor(const Session& session);

    // Words to the others: directory_telling.cpp
    void plan();
    void work();
    /// True when there is more to tell.
    bool tell(Peer& peer);
    /// Stanzas follow the sessions that they name.
    static void open_when_told(Peer& peer);
    bool tell_states(Peer& peer, const std::vector<std::uint64_t>& sessions);
    bool tell_frame(Peer& peer, const States& states);
    bool tell_now(Peer& peer, std::uint64_t session);
    SessionState state_of(const Peer& peer, const Session& session) const;
    /// False: there is no room.
    bool tell_ends(Peer& peer);
    bool tell_mark(Peer& peer);
    void tell_heard();
    /// Sessions that wait for nothing any more, or for too long, go on.
    void look_at_waits();
    void send(const PeerPtr& peer, const SessionPtr& session, std::vector<Outgoing> stanzas);
    bool ask(Peer& peer, const ForwardedQuery& query);
    bool leave_some();

    // How far the items of an account are: directory_places.cpp
    void ask_place(Peer& peer, const Session& newcomer, OtherMember::Placed done);
    bool tell_questions(Peer& peer);
    void hear_place_of(Peer& peer, const PlaceOf& question);
    void hear_place(const Peer& peer, const Place& answer);
    void place(std::uint64_t number, AccountPlace found);
    void end_placing(const Peer& peer);
    void look_at_placing(TimePoint now);

    // Messages that sessions of an account left unread: directory_shared.cpp
    bool tell_who_has(Peer& peer);
    void hear_who_has(Peer& peer, const WhoHas& question);
    bool answer_who_has(Peer& peer, const WhoHas& question);
    void answer_held();
    void hear_has(const Peer& peer, const Has& answer);
    bool has_lately_moved(const std::string& account) const;
    void ask_all(std::uint64_t number, AskingWhoHas& asking);
    void connected_again(Peer& peer);
    /// That member answers no more.
    void end_asking(storage::MemberId member);
    void look_at_asking(std::uint64_t number);
    void look_at_asking(TimePoint now);

    // Words of the others: directory_hearing.cpp
    void hear(storage::MemberId from, DirectoryFrame frame);
    void hear_begin(Peer& peer, const Begin& begin);
    void hear_state(const PeerPtr& peer, const SessionState& state);
    SessionPtr make_session(const PeerPtr& peer, const SessionState& state);
    /// False: a session here keeps the address.
    bool give_way(const Session& newcomer, const SessionConstant& constant, SessionPtr& replaced)
        const;
    void leave_replaced(const Session& newcomer, const SessionConstant& constant);
    void hear_gone(Peer& peer, std::uint64_t session);
    void hear_complete(Peer& peer);
    void hear_heard(Peer& peer, const Heard& heard);
    void hear_reached(const Reached& reached);
    struct Arrived;
    void pass_on(const Peer& from, const SessionPtr& target, Outgoing stanza);
    void take(storage::MemberId from, Arrived arrived);
    void refuse(const Peer& peer, const std::string& why);

    // Sessions that move: directory_moving.cpp
    std::uint64_t fetch(const Peer& peer, const FetchRequest& wanted, OtherMember::Fetched done);
    bool take(std::uint64_t number, storage::Revision told_to);
    void leave(std::uint64_t number);
    void fail(std::uint64_t number, FetchAnswer answer);
    void hear_moving(const PeerPtr& peer, DirectoryFrame frame);
    void hear_fetch(const PeerPtr& peer, const Fetch& fetch);
    void handed_over(const PeerPtr& peer, std::uint64_t number, FetchAnswer answer);
    void send_pieces(Peer& peer, std::uint64_t number, Giving& giving);
    void hear_piece(Peer& peer, const Piece& piece);
    void hear_moved_here(const PeerPtr& peer, const MovedHere& moved);
    void hear_ended(const Ended& ended);
    void end_hibernating(Peer& peer, std::uint64_t session);
    void tell_gone_later(std::uint64_t session);
    void stays(std::uint64_t session);
    void give(
        const PeerPtr& peer,
        const SessionPtr& session,
        const Giving& giving,
        storage::Revision told_to
    );
    /// A session that another member tells of, and that is known as one here, or as another one's.
    /// False: it is not known.
    bool has_moved(const PeerPtr& peer, const SessionState& state);
    void connection_lost(Peer& peer);
    void return_untaken(Peer& peer);
    void look_at_moving(TimePoint now);

    Core& core_;
    Links& links_;
    const Member self_;
    Log& log_;
    const DirectorySettings settings_;
    bool is_stopped_ = false, is_leading_ = false, is_planned_ = false;
    std::map<storage::MemberId, PeerPtr> peers_;
    std::optional<std::vector<Member>> members_;   // nullopt: they are not known yet
    std::set<std::uint64_t> own_;                  // sessions that are here
    /// Sessions elsewhere whose addresses sessions here have taken over.
    std::unordered_map<std::uint64_t, std::vector<std::uint64_t>> replaced_;
    std::deque<SessionPtr> leaving_;             // of members that were lost
    std::unordered_set<std::uint64_t> untold_;   // sessions that the others do not know as they are
    /// Sessions elsewhere that gave their addresses to sessions here, and have not ended yet.
    std::unordered_map<std::uint64_t, std::set<std::uint64_t>> ending_;
    struct Wait {
        std::uint64_t session = 0;
        std::uint64_t mark = 0;   // 0: no other member is asked
        std::set<std::uint64_t> ending;
        TimePoint until;
        std::function<void()> done;
    };
    std::deque<Wait> waits_;
    std::uint64_t last_mark_ = 0;
    TimePoint heard_told_;
    std::unordered_map<std::uint64_t, Placing> placing_;
    std::uint64_t last_placing_ = 0;
    std::map<std::uint64_t, AskingWhoHas> asking_;
    std::uint64_t last_asking_ = 0;
    /// Questions of others whose answers rest on ends here.
    std::vector<std::pair<storage::MemberId, WhoHas>> held_;
    /// Sessions of others that clients here resume.
    std::unordered_map<std::uint64_t, Fetching> fetching_;
    std::uint64_t last_fetch_ = 0;
    /// Sessions here that go to another member; by that one, and its number.
    std::map<std::pair<storage::MemberId, std::uint64_t>, Giving> giving_;
    /// Sessions that have gone, and the time from which on the others hear that they are not here
    /// any more: where they are they have heard by then.
    std::deque<std::pair<TimePoint, std::uint64_t>> gone_later_;
};

}   // namespace grid::server::cluster
