// server/cluster/directory_telling.cpp: words to the others about sessions here, and stanzas to
// theirs.
#include <algorithm>

#include "server/clock.hpp"
#include "server/cluster/directory.hpp"
#include "server/cluster/directory_peer.hpp"

namespace grid::server::cluster {

namespace {
/// Of one turn of the core strand; other work has its turn in between.
constexpr std::size_t told_per_turn = 200, left_per_turn = 100;
constexpr std::size_t gone_per_frame = 10'000, ended_per_frame = 1'000;
/// Of a frame with states: it is sent when it has so many. No frame may be as large as what 200
/// sessions can say of themselves, and one that is too large never leaves.
constexpr std::size_t states_bytes = 512UL * 1024;

std::size_t said_bytes(const SessionState& state) {
    std::size_t bytes = state.words.rest ? state.words.rest->size() : 0;
    if (const auto& constant = state.constant) {
        for (const auto* list : {&constant->identity.path, &constant->identity.other_authorities})
            for (const std::string& one : *list) bytes += one.size();
        bytes += constant->identity.subject.size() + constant->identity.issuer.size();
    }
    return bytes;
}
}   // namespace

void Directory::plan() {
    if (std::exchange(is_planned_, true)) return;
    post([](Directory& directory) { directory.work(); });
}

void Directory::work() {
    is_planned_ = false;
    bool has_more = leave_some();
    for (const auto& [id, peer] : peers_)
        if (peer->is_connected && !peer->is_stuck && tell(*peer)) has_more = true;
    if (has_more) plan();
}

/// Sessions of lost members.
bool Directory::leave_some() {
    if (leaving_.empty()) return false;
    for (std::size_t left = left_per_turn; left != 0 && !leaving_.empty(); --left) {
        core_.leave_elsewhere(leaving_.front());
        leaving_.pop_front();
    }
    core_.flush_elsewhere();
    // And what hangs on sessions that were not told of.
    if (leaving_.empty() && is_leading_) core_.broker().look_for_orphans();
    return !leaving_.empty();
}

bool Directory::tell(Peer& peer) {
    const storage::MemberId to = peer.is.id;
    const auto put = [&](const DirectoryFrame& frame) {
        peer.is_stuck = !links_.send(to, Channel::Directory, encode(frame));
        return !peer.is_stuck;
    };
    if (peer.owes_taken && put(Taken{peer.taken})) peer.owes_taken = false;
    if (!peer.is_stuck && !tell_ends(peer)) peer.is_stuck = true;
    if (!peer.gone.empty() && !peer.is_stuck) {
        const auto count = std::min(gone_per_frame, peer.gone.size());
        const auto end = peer.gone.begin() + static_cast<std::ptrdiff_t>(count);
        if (put(Gone{{peer.gone.begin(), end}})) peer.gone.erase(peer.gone.begin(), end);
    }
    if (!peer.is_stuck && peer.gone.empty() && !tell_questions(peer)) peer.is_stuck = true;
    if (!peer.is_stuck && !tell_who_has(peer)) peer.is_stuck = true;
    if (peer.is_stuck) return false;
    std::vector<std::uint64_t> sessions;
    if (!peer.changed.empty()) {
        for (auto at = peer.changed.begin();
             at != peer.changed.end() && sessions.size() < told_per_turn; ++at)
            sessions.push_back(*at);
        return tell_states(peer, sessions) && tell_mark(peer) &&
               (!peer.changed.empty() || peer.listed);
    }
    if (!peer.listed) return tell_mark(peer) && !peer.gone.empty();
    auto at = own_.upper_bound(*peer.listed);
    for (; at != own_.end() && sessions.size() < told_per_turn; ++at) sessions.push_back(*at);
    if (!sessions.empty() && !tell_states(peer, sessions)) return false;
    if (!sessions.empty()) peer.listed = sessions.back();
    if (at == own_.end() && put(Complete{})) {
        peer.listed.reset();
        open_when_told(peer);
        tell_mark(peer);
    }
    return peer.listed && !peer.is_stuck;
}

/// How far a session got is known before it is gone.
bool Directory::tell_ends(Peer& peer) {
    while (!peer.ended.empty()) {
        const auto count = std::min(ended_per_frame, peer.ended.size());
        const auto end = peer.ended.begin() + static_cast<std::ptrdiff_t>(count);
        const Reached told{{peer.ended.begin(), end}};
        if (!links_.send(peer.is.id, Channel::Directory, encode(told))) return false;
        peer.ended.erase(peer.ended.begin(), end);
    }
    return true;
}

/// Behind all that there is to tell.
bool Directory::tell_mark(Peer& peer) {
    if (peer.marked >= last_mark_ || !peer.changed.empty() || peer.listed) return true;
    peer.is_stuck = !links_.send(peer.is.id, Channel::Directory, encode(Mark{last_mark_}));
    if (!peer.is_stuck) peer.marked = last_mark_;
    return !peer.is_stuck;
}

void Directory::open_when_told(Peer& peer) {
    if (peer.has_begun && !peer.listed) peer.outbox.open();
}

bool Directory::tell_states(Peer& peer, const std::vector<std::uint64_t>& sessions) {
    States states;
    std::size_t bytes = 0;
    for (const std::uint64_t id : sessions)
        if (const SessionPtr session = core_.sessions().find(id)) {
            states.states.push_back(state_of(peer, *session));
            bytes += said_bytes(states.states.back());
            if (bytes < states_bytes) continue;
            if (!tell_frame(peer, std::exchange(states, {}))) return false;
            bytes = 0;
        }
    if (!tell_frame(peer, states)) return false;
    for (const std::uint64_t id : sessions) peer.changed.erase(id);
    return true;
}

bool Directory::tell_frame(Peer& peer, const States& states) {
    peer.is_stuck = !links_.send(peer.is.id, Channel::Directory, encode(states));
    if (peer.is_stuck) return false;
    for (const SessionState& state : states.states) {
        Peer::Told& told = peer.told[state.id];
        told.words = state.words.number;
        if (state.constant) told.attachment = core_.sessions().find(state.id)->attachment;
    }
    return true;
}

/// Before a stanza of the session, which the other member could not place otherwise.
bool Directory::tell_now(Peer& peer, std::uint64_t session) {
    return !peer.changed.contains(session) || tell_states(peer, {session});
}

SessionState Directory::state_of(const Peer& peer, const Session& session) const {
    const auto found = peer.told.find(session.id);
    const Peer::Told told = found == peer.told.end() ? Peer::Told{} : found->second;
    SessionState state;
    state.id = session.id;
    if (told.attachment != session.attachment) {
        auto& constant = state.constant.emplace();
        constant.jid = session.jid;
        constant.component = session.component;
        constant.address = session.principal.address;
        constant.transport_kind = session.transport_kind;
        constant.since = session.since;
        constant.identity = *session.identity;
        if (const auto replaced = replaced_.find(session.id); replaced != replaced_.end())
            constant.replaced = replaced->second;
    }
    state.moves = session.moves;
    if (session.management && !session.management->token.empty())
        state.token_hash = Resumptions::hash_of(session.management->token);
    state.is_active = session.is_active && !session.is_ended;
    state.is_present = session.is_present;
    state.takes_copies = session.takes_copies;
    state.is_hibernating = session.state == Session::State::Hibernating;
    state.priority = session.priority;
    state.show = session.show;
    state.words = core_.words_of(session);
    if (told.words == state.words.number) state.words.rest = nullptr;
    return state;
}

/// Leases of publishers rest on it.
void Directory::tell_heard() {
    if (std::ranges::none_of(peers_, [](const auto& one) { return one.second->is_connected; }))
        return;
    Heard heard;
    for (const std::uint64_t id : core_.controller().registered_sessions())
        if (const SessionPtr session = core_.sessions().find(id);
            session && !session->other_member && session->is_active && session->heard != 0)
            heard.all.push_back({id, std::max<storage::Millis>(0, now() - session->heard)});
    if (heard.all.empty()) return;
    for (const auto& [id, peer] : peers_)
        if (peer->is_connected) links_.send(id, Channel::Directory, encode(heard));
}

void Directory::send(
    const PeerPtr& peer, const SessionPtr& session, std::vector<Outgoing> stanzas
) {
    // First what sessions here have said of themselves: they sent it before.
    if (peer->is_connected && !peer->is_stuck && !peer->changed.empty() && tell(*peer)) plan();
    std::vector<Outgoing> messages;
    for (Outgoing& stanza : stanzas) {
        if (!stanza.is_stanza()) continue;
        if (peer->is_reachable && peer->outbox.put(session, stanza)) continue;
        if (stanza.is_relayed) messages.push_back(std::move(stanza));
    }
    if (messages.empty()) return;
    // There is no room for them: as if the session had ended, whose place is not looked at again.
    const auto transport = session->transport;
    core_.reach_elsewhere(session, nullptr);
    core_.undelivered(session, messages);
    core_.reach_elsewhere(session, transport);
}

bool Directory::ask(Peer& peer, const ForwardedQuery& query) {
    const auto found = peer.sessions.find(query.answerer);
    if (!peer.is_reachable || found == peer.sessions.end()) return false;
    if (peer.is_connected && !tell_now(peer, query.asker)) return false;
    return peer.outbox.put(found->second.session, query);
}

}   // namespace grid::server::cluster
