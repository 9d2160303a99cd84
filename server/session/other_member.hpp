// server/session/other_member.hpp: sessions on other members of a cluster, as the rest of the
// server deals with them; and what the cluster is told of those that are here.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "server/session/handed_over.hpp"
#include "storage/log_group.hpp"
#include "xml/jid.hpp"
#include "xml/writer.hpp"

namespace grid::server {

class Session;

/// How far the items of an account are, as a member with sessions of it says.
struct AccountPlace {
    storage::Revision items = 0;   // the account has had those up to there
    /// Items up to there reach a session of that member, or are told to others when it ends
    /// (server/delivery/catch_up.hpp). 0: no session takes care of any.
    storage::Revision cared_to = 0;
};

/// An iq of type get or set on its way to the member of the session that is to answer it. That
/// member asks the policy, waits for the answer and refuses in its place. Or a message with a
/// packet of an in-band stream, whose table is there.
struct ForwardedQuery {
    std::uint64_t asker = 0, answerer = 0;   // sessions
    xml::Jid to;                             // the full address of the answerer
    xml::Jid asked;   // the address that was asked, where it was another one; else empty
    std::string id;   // of the iq
    /// Of an in-band stream whose table is with the asker's member, which has counted it.
    bool is_counted = false;
    xml::Bytes text;   // the whole stanza, with `from`
    bool is_packet() const { return text->starts_with("<message"); }
};

/// Another member, of which this one knows sessions. Such a session (Session::other_member) stands
/// in the table beside those that are here: stanzas of clients go to it as to any other, by a
/// transport that carries them to its member. Events, delivery positions, stream management,
/// limits and times are its own member's affair. Core strand.
class OtherMember {
public:
    virtual ~OtherMember() = default;
    virtual storage::MemberId member() const = 0;
    /// cluster.member of it.
    virtual const std::string& name() const = 0;
    /// False: it cannot be reached, and nothing was sent. Where it becomes so later,
    /// Router::unanswered is called.
    virtual bool ask(const ForwardedQuery& query) = 0;
    /// A session there that waits to be resumed gives way to another one of its account: its member
    /// ends it, and it is in the table no more. It stays where that cannot be told now.
    virtual void end_hibernating(std::uint64_t session) = 0;
    /// A session of an account takes its items here from now on: how far are they there? `done` is
    /// called once, perhaps at once, with nothing where that member does not say so in time.
    using Placed = std::function<void(AccountPlace)>;
    virtual void ask_place(const Session& newcomer, Placed done) = 0;

    // A client here resumes a session of that member, which hands it over (XEP-0198 §5).
    /// Whether that session there has that token.
    virtual bool has_token(std::uint64_t session, const std::string& token) const = 0;
    /// The session, or the reason why it stays there. `done` is called once, perhaps at once, with
    /// the number that is returned. Where it got the session `take` or `leave` is to follow, soon.
    using Fetched = std::function<void(std::uint64_t number, FetchAnswer answer)>;
    virtual std::uint64_t fetch(const FetchRequest& wanted, Fetched done) = 0;
    /// The session is here from now on, as far as the other member will hear; `told_to`: up to
    /// there this member has told all. False: it stays there after all.
    virtual bool take(std::uint64_t number, storage::Revision told_to) = 0;
    /// The session stays there.
    virtual void leave(std::uint64_t number) = 0;
};

/// How far a session that has ended got, and its account; the store hears of it later. Revisions;
/// 0: that is not known.
struct EndOfSession {
    std::uint64_t session = 0;
    xml::Jid jid;
    storage::Revision items = 0, account_items = 0;   // to the full JID, to the bare one
    storage::Revision messages = 0;                   // that had waited for the account
};

/// A message that several sessions of an account were sent, as all members know it.
struct SharedMessage {
    std::uint64_t number = 0;   // Outgoing::number
    std::string hash;           // of its text
    auto operator<=>(const SharedMessage&) const = default;
};

/// A session has ended and left these messages unread. Which of them are in the care of another
/// session of its account (server/router/shared_messages.hpp)?
struct UnreadShared {
    std::string account;
    std::uint64_t session = 0;
    std::uint64_t turn = 0;   // of that end, among those of all members
    std::vector<SharedMessage> messages;
    /// Of each, whether it went to one resource, and to others as a copy alone (XEP-0280).
    std::vector<bool> were_for_one;
};

/// Hears of the sessions that are here. Core strand.
class SessionWatcher {
public:
    using TimePoint = std::chrono::steady_clock::time_point;

    virtual ~SessionWatcher() = default;
    /// The session stands in the table.
    virtual void on_entered(const Session& session) = 0;
    /// A fact that others know of it changed: login, presence, copies, certificate.
    virtual void on_changed(const Session& session) = 0;
    /// The session stands in the table no more.
    virtual void on_left(const Session& session) = 0;
    /// The session's transport has ended; before or after on_left.
    virtual void on_ended(const EndOfSession& end) = 0;
    /// There is something for `when_told` to wait for.
    virtual bool is_untold(const Session& session) const = 0;
    /// `done`: the other members know the session as it is now, if answers wait for that, and the
    /// sessions elsewhere whose address it took over have told how far they got. At once, or later
    /// on the core strand, in the order of the calls, and after a second at the latest.
    virtual void when_told(const Session& session, std::function<void()> done) = 0;
    /// Asks all other members. `done`, perhaps at once: for each of the messages, whether one of
    /// them has it in its care. Members that cannot be reached for long have none: `done` is then
    /// told of fewer than there are, or of none at all.
    using CaredFor = std::function<void(const std::vector<bool>&)>;
    virtual void ask_who_has(UnreadShared unread, CaredFor done) = 0;
    /// Messages of questions that are not answered by now are in nobody's care.
    virtual void ask_no_more() = 0;
    /// The members that are connected now.
    virtual std::vector<std::shared_ptr<OtherMember>> others() const = 0;
    /// Every 100 ms or more often.
    virtual void on_tick(TimePoint now) = 0;
};

}   // namespace grid::server
