// server/cluster/directory_hearing.cpp: words of other members about their sessions, and the
// stanzas that they send.
#include <algorithm>

#include "server/clock.hpp"
#include "server/cluster/directory.hpp"
#include "server/cluster/directory_peer.hpp"
#include "server/log.hpp"

namespace grid::server::cluster {

namespace {
/// No lease of a publisher is as long.
constexpr storage::Millis ago_max = 365LL * 24 * 3600 * 1000;

void describe(Session& session, const SessionConstant& constant) {
    session.identity = std::make_shared<const controller::Identity>(constant.identity);
    session.transport_kind = constant.transport_kind;
    session.principal.address = constant.address;
    session.principal.issuer = controller::authorities_text(*session.identity);
    session.principal.is_mapped = session.identity->is_mapped;
}
}   // namespace

void Directory::refuse(const Peer& peer, const std::string& why) {
    log_.fold(Level::Warn, "member_refused", {{"member", peer.is.name}, {"reason", why}});
}

void Directory::hear(storage::MemberId from, DirectoryFrame frame) {
    const PeerPtr peer = find(from);
    if (const auto* begin = std::get_if<Begin>(&frame)) return hear_begin(*peer, *begin);
    if (const auto* states = std::get_if<States>(&frame)) {
        for (const SessionState& state : states->states) hear_state(peer, state);
        return core_.flush_elsewhere();
    }
    if (const auto* gone = std::get_if<Gone>(&frame)) {
        for (const std::uint64_t session : gone->sessions) hear_gone(*peer, session);
        return core_.flush_elsewhere();
    }
    if (const auto* heard = std::get_if<Heard>(&frame)) return hear_heard(*peer, *heard);
    if (const auto* taken = std::get_if<Taken>(&frame)) return peer->outbox.taken(taken->number);
    if (const auto* reached = std::get_if<Reached>(&frame)) return hear_reached(*reached);
    if (const auto* question = std::get_if<PlaceOf>(&frame)) return hear_place_of(*peer, *question);
    if (const auto* answer = std::get_if<Place>(&frame)) return hear_place(*peer, *answer);
    if (const auto* asked = std::get_if<WhoHas>(&frame)) return hear_who_has(*peer, *asked);
    if (const auto* has = std::get_if<Has>(&frame)) return hear_has(*peer, *has);
    if (const auto* mark = std::get_if<Mark>(&frame)) {
        // Where there is no room for the word, the other one's patience ends.
        links_.send(from, Channel::Directory, encode(Seen{mark->number}));
        return;
    }
    if (const auto* seen = std::get_if<Seen>(&frame)) {
        peer->seen = std::max(peer->seen, seen->number);
        return look_at_waits();
    }
    if (std::holds_alternative<Complete>(frame)) return hear_complete(*peer);
    hear_moving(peer, std::move(frame));
}

void Directory::hear_reached(const Reached& reached) {
    for (const EndOfSession& end : reached.all) {
        core_.ended_elsewhere(end);
        for (Wait& wait : waits_) wait.ending.erase(end.session);
        for (auto& [session, ending] : ending_) ending.erase(end.session);
    }
    look_at_waits();
}

void Directory::hear_begin(Peer& peer, const Begin& begin) {
    peer.unlisted.clear();
    for (const auto& [id, known] : peer.sessions) peer.unlisted.insert(id);
    peer.outbox.goes_on_behind(begin.taken);
    peer.has_begun = true;
    open_when_told(peer);
}

void Directory::hear_state(const PeerPtr& peer, const SessionState& state) {
    const auto found = peer->sessions.find(state.id);
    SessionPtr session = found == peer->sessions.end() ? nullptr : found->second.session;
    if (!session && core_.sessions().find(state.id)) {
        if (!has_moved(peer, state)) return;
        if (const auto moved = peer->sessions.find(state.id); moved != peer->sessions.end())
            session = moved->second.session;
    }
    if (!session) session = make_session(peer, state);
    if (!session) return;
    peer->unlisted.erase(state.id);
    if (state.constant) describe(*session, *state.constant);
    session->takes_copies = state.takes_copies;
    session->is_present = state.is_present;
    session->priority = state.priority;
    session->show = state.show;
    session->state = state.is_hibernating ? Session::State::Hibernating : Session::State::Connected;
    session->heard = now();
    core_.set_active_elsewhere(session, state.is_active);
    Peer::Known& known = peer->sessions[state.id];
    known.token_hash = state.token_hash;
    if (known.words == state.words.number) return;
    known.words = state.words.number;
    core_.said_elsewhere(session, state.words);
}

SessionPtr Directory::make_session(const PeerPtr& peer, const SessionState& state) {
    if (!state.constant) return nullptr;   // another one has the address now
    const bool is_its_own = state.moves != 0 || is_session_of(peer->is.id, state.id);
    if (!is_its_own || core_.sessions().find(state.id)) {
        refuse(*peer, "a session with a number that is not its own");
        return nullptr;
    }
    auto session = std::make_shared<Session>();
    session->id = state.id;
    session->jid = state.constant->jid;
    session->bare = session->jid.bare();
    session->since = state.constant->since;
    session->moves = state.moves;
    session->component = state.constant->component;
    session->principal.jid = session->jid;
    session->principal.session = session->id;
    session->other_member = peer;
    session->budget = std::make_shared<Budget>(core_.outbox_bytes_max(), peer->budget);
    describe(*session, *state.constant);
    SessionPtr replaced;
    if (!give_way(*session, *state.constant, replaced)) return nullptr;
    peer->sessions[state.id] = {session, 0, {}, state.constant->replaced};
    core_.enter_elsewhere(session);
    connect(peer, session);
    // As on one server: what the old one leaves, its messages too, finds the new one.
    if (replaced) core_.replaced_elsewhere(replaced);
    leave_replaced(*session, *state.constant);
    return session;
}

/// A client that binds a resource which a session elsewhere has takes it over (RFC 6120 §7.7.2.2).
/// Of two that were bound without knowledge of each other the one with the lesser number stays:
/// both members compute that alike. `replaced`: the session here that is to end.
bool Directory::give_way(
    const Session& newcomer, const SessionConstant& constant, SessionPtr& replaced
) const {
    const SessionPtr here = core_.sessions().find(newcomer.jid);
    if (!here || here->other_member || here->is_ended) return true;
    const auto told = replaced_.find(here->id);
    const bool is_old = told != replaced_.end() &&
                        std::ranges::find(told->second, newcomer.id) != told->second.end();
    const bool is_replaced =
        std::ranges::find(constant.replaced, here->id) != constant.replaced.end();
    if (is_old || (!is_replaced && here->id < newcomer.id)) return false;
    replaced = here;
    return true;
}

/// Sessions elsewhere; their own members hear the same.
void Directory::leave_replaced(const Session& newcomer, const SessionConstant& constant) {
    for (const std::uint64_t id : constant.replaced) {
        const SessionPtr before = core_.sessions().find(id);
        if (!before || !before->other_member || before->jid != newcomer.jid) continue;
        if (const PeerPtr peer = find(before->other_member->member())) hear_gone(*peer, id);
    }
}

void Directory::hear_gone(Peer& peer, std::uint64_t session) {
    const auto found = peer.sessions.find(session);
    if (found == peer.sessions.end()) return;
    const SessionPtr gone = std::move(found->second.session);
    peer.sessions.erase(found);
    peer.unlisted.erase(session);
    core_.leave_elsewhere(gone);
}

/// Sessions that are not in the list ended while there was no connection.
void Directory::hear_complete(Peer& peer) {
    for (const std::uint64_t session : std::exchange(peer.unlisted, {})) hear_gone(peer, session);
    return_untaken(peer);
    peer.is_complete = true;
    note_completeness();
    core_.flush_elsewhere();
}

/// On the safe side: a lease does not lapse because the word of a stanza is still on its way.
void Directory::hear_heard(Peer& peer, const Heard& heard) {
    for (const Heard::One& one : heard.all)
        if (const auto found = peer.sessions.find(one.session); found != peer.sessions.end())
            found->second.session->heard = now() -
                                           std::clamp<storage::Millis>(one.ago, 0, ago_max) +
                                           2 * settings_.heard_every.count();
}

/// The session has moved on from here. Never back to its sender, which would send it here again.
void Directory::pass_on(const Peer& from, const SessionPtr& target, Outgoing stanza) {
    if (target->other_member->member() != from.is.id)
        core_.pass_on(target, std::move(stanza));
    else if (stanza.is_relayed)
        core_.undelivered(target, {std::move(stanza)});
    core_.flush_elsewhere();
}

void Directory::take(storage::MemberId from, Arrived arrived) {
    const PeerPtr peer = find(from);
    if (!peer || !peer->is_connected) return;
    const std::uint64_t number = arrived.frame.number;
    if (number == 0) return refuse(*peer, "a frame that cannot be read");
    if (number <= peer->taken) return;   // an earlier connection brought it
    peer->taken = number;
    peer->owes_taken = true;
    plan();
    if (auto* query = std::get_if<ForwardedQuery>(&arrived.frame.content)) {
        const SessionPtr asker = core_.sessions().find(query->asker);
        if (!asker || asker->other_member != peer)
            return refuse(*peer, "a query of a session that is not its own");
        if (!arrived.iq) return refuse(*peer, "a query that cannot be read");
        core_.take_elsewhere(asker, std::move(*arrived.iq), *query);
        return core_.flush_elsewhere();
    }
    auto& one = std::get<ToSession>(arrived.frame.content);
    SessionPtr target = core_.sessions().find(one.session);
    if (target && target->other_member) {
        if (target->moves == 0) return refuse(*peer, "a stanza to a session that is not here");
        return pass_on(*peer, target, std::move(one.stanza));
    }
    if (!target && !is_session_of(self_.id, one.session) && !one.stanza.is_relayed)
        return;      // of one that came from another member, and ended here
    if (!target) {   // the session has ended
        target = std::make_shared<Session>();
        target->id = one.session;
        target->jid = one.jid;
        target->bare = one.jid.bare();
    }
    core_.deliver_here(target, std::move(one.stanza), arrived.head);
    core_.flush_elsewhere();
}

}   // namespace grid::server::cluster
