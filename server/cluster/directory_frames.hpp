// server/cluster/directory_frames.hpp: words of members about their sessions, as bytes.
// The grammar stands in server/cluster/README.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "controller/identity.hpp"
#include "server/cluster/member.hpp"
#include "server/presence/presence.hpp"
#include "server/session/other_member.hpp"
#include "server/session/transport.hpp"
#include "storage/batch.hpp"
#include "xml/jid.hpp"

namespace grid::server::cluster {

/// Session::id of sessions of that member are behind it, and before that of any other: 20 bits that
/// the member's id gives, and 32 of the session's own. A program that reads JSON numbers as doubles
/// keeps all of them.
std::uint64_t first_session_of(storage::MemberId member);
bool is_session_of(storage::MemberId member, std::uint64_t session);

// Channel::Directory

/// The list of all sessions begins; what was known before holds until it ends.
struct Begin {
    /// The number of the last frame with a stanza that was taken from the other one (Numbered);
    /// those behind it are sent again.
    std::uint64_t taken = 0;
};
/// The part of a session that stays as long as its transport.
struct SessionConstant {
    xml::Jid jid;
    std::string component, address;
    TransportKind transport_kind = TransportKind::StartTls;
    storage::Millis since = 0;
    controller::Identity identity;
    std::vector<std::uint64_t> replaced;   // sessions that had its address when it came
};
/// A session as it is now.
struct SessionState {
    std::uint64_t id = 0;
    /// With its first state on each connection, and when it was resumed.
    std::optional<SessionConstant> constant;
    std::uint32_t moves = 0;   // Session::moves
    /// Resumptions::hash_of its token; empty: it cannot be resumed.
    std::string token_hash;
    bool is_active = false, is_present = false, takes_copies = false, is_hibernating = false;
    int priority = 0;
    std::uint8_t show = 0;
    Presence::Words words;   // `rest` only when the number has changed since it was told last
};
struct States {
    std::vector<SessionState> states;
};
struct Gone {
    std::vector<std::uint64_t> sessions;
};
/// All sessions that are there have been told.
struct Complete {};
/// When the last stanza of publishers came.
struct Heard {
    struct One {
        std::uint64_t session = 0;
        storage::Millis ago = 0;
    };
    std::vector<One> all;
};
/// Frames with stanzas up to that number were taken.
struct Taken {
    std::uint64_t number = 0;
};
// A session that moves: its client resumes it at the member that asks. Numbers are the asker's.
struct Fetch {
    std::uint64_t number = 0;
    FetchRequest wanted;
};
/// A piece of the session's bytes (handed_over_bytes.hpp).
struct Piece {
    std::uint64_t number = 0;
    bool is_last = false;
    std::string bytes;
};
/// The session stays where it is; `sent`: the client's count was too high (HandledTooHigh).
struct Stays {
    std::uint64_t number = 0;
    ResumeFailure failure;
    std::optional<std::uint32_t> sent;
};
/// The asker does not want it any more.
struct Leave {
    std::uint64_t number = 0;
};
/// The session is the asker's from now on.
struct MovedHere {
    std::uint64_t number = 0;
    std::uint64_t session = 0;
    storage::Revision told_to = 0;
};
/// The session had ended before that was heard, and ends there, too. Or it waits there to be
/// resumed, and another one of its account needs its place.
struct Ended {
    std::uint64_t session = 0;
};
/// All before it is to be heard; the answer is Seen.
struct Mark {
    std::uint64_t number = 0;
};
struct Seen {
    std::uint64_t number = 0;
};
/// Sessions have ended so far on.
struct Reached {
    std::vector<EndOfSession> all;
};
/// How far are the items of that account, for a session of it that has come at the asker's, with
/// that number? The answer is Place. A question has a later turn than those that its member has
/// heard.
struct PlaceOf {
    std::uint64_t number = 0;
    std::string account;
    std::uint64_t turn = 0;
    std::uint64_t session = 0;
};
struct Place {
    std::uint64_t number = 0;
    AccountPlace found;
};
/// The question of SessionWatcher::ask_who_has, and its answer.
struct WhoHas {
    std::uint64_t number = 0;
    UnreadShared unread;
};
struct Has {
    std::uint64_t number = 0;
    /// A session of the account has gone from there to another member a moment ago, which may have
    /// answered before it came.
    bool has_moved = false;
    std::vector<bool> found;   // for each message
};
using DirectoryFrame = std::variant<
    Begin,
    States,
    Gone,
    Complete,
    Heard,
    Taken,
    Fetch,
    Piece,
    Stays,
    Leave,
    MovedHere,
    Ended,
    Mark,
    Seen,
    Reached,
    PlaceOf,
    Place,
    WhoHas,
    Has>;

std::string encode(const DirectoryFrame& frame);
/// nullopt: it is none of this version, or is cut off. Pure, any thread.
std::optional<DirectoryFrame> decode_directory(std::string_view bytes);

// Channel::Stanza

/// A stanza to one session.
struct ToSession {
    std::uint64_t session = 0;
    xml::Jid jid;   // the full address of one that has ended
    Outgoing stanza;
};
/// Each has a number of its own, counted from 1 for each pair of starts of two members; or on from
/// what the other one has taken (StanzaOutbox::goes_on_behind).
struct StanzaFrame {
    std::uint64_t number = 0;
    std::variant<ToSession, ForwardedQuery> content;
};

std::string encode(const StanzaFrame& frame);
std::optional<StanzaFrame> decode_stanza(std::string_view bytes);

}   // namespace grid::server::cluster
