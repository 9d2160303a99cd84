// server/cluster/directory_moving.cpp: sessions that go from one member to another, where their
// clients resume them.
#include <algorithm>

#include "server/clock.hpp"
#include "server/cluster/directory.hpp"
#include "server/cluster/directory_peer.hpp"
#include "server/cluster/handed_over_bytes.hpp"

namespace grid::server::cluster {

namespace {
constexpr std::size_t piece_bytes = 256UL * 1024;
/// Besides the stanzas of a session: presence, addressees, places.
constexpr std::size_t other_bytes_max = 4UL * 1024 * 1024;
/// By then all members have heard where a session has gone.
constexpr auto gone_after = std::chrono::seconds(5);
/// A session that was taken for lost, and goes on here, is the newer one of the two.
constexpr std::uint32_t moves_of_return = 2;

FetchAnswer not_found() { return ResumeFailure{"item-not-found", {}}; }

Stays stays_of(std::uint64_t number, const FetchAnswer& answer) {
    if (const auto* wrong = std::get_if<HandledTooHigh>(&answer)) return {number, {}, wrong->sent};
    return {number, std::get<ResumeFailure>(answer), std::nullopt};
}
}   // namespace

bool Directory::Peer::has_token(std::uint64_t session, const std::string& token) const {
    const auto found = sessions.find(session);
    return found != sessions.end() && !found->second.token_hash.empty() &&
           found->second.token_hash == Resumptions::hash_of(token);
}

std::uint64_t Directory::Peer::fetch(const FetchRequest& wanted, Fetched done) {
    if (const auto owner = directory.lock()) return owner->fetch(*this, wanted, std::move(done));
    done(0, not_found());
    return 0;
}

// Sessions that come here.

/// A member that cannot be reached, lost or not, tells nothing: its client begins anew at once.
std::uint64_t Directory::fetch(
    const Peer& peer, const FetchRequest& wanted, OtherMember::Fetched done
) {
    const std::uint64_t number = ++last_fetch_;
    const bool is_asked =
        peer.is_connected &&
        links_.send(peer.is.id, Channel::Directory, encode(Fetch{number, wanted}));
    if (!is_asked) {
        done(number, not_found());
        return number;
    }
    const auto until = std::chrono::steady_clock::now() + settings_.fetch_max;
    fetching_.emplace(
        number, Fetching{peer.is.id, wanted.session, until, {}, false, std::move(done)}
    );
    return number;
}

void Directory::fail(std::uint64_t number, FetchAnswer answer) {
    auto found = fetching_.extract(number);
    if (!found || found.mapped().is_whole) return;
    found.mapped().done(number, std::move(answer));
    core_.flush_elsewhere();
}

void Directory::hear_piece(Peer& peer, const Piece& piece) {
    const auto found = fetching_.find(piece.number);
    if (found == fetching_.end() || found->second.from != peer.is.id || found->second.is_whole)
        return;   // the client waits no more
    Fetching& fetching = found->second;
    fetching.bytes += piece.bytes;
    const std::size_t bytes_max = 2 * core_.outbox_bytes_max() + other_bytes_max;
    if (!piece.is_last && fetching.bytes.size() <= bytes_max) return;
    auto handed = piece.is_last ? decode_handed_over(fetching.bytes) : std::nullopt;
    std::string().swap(fetching.bytes);
    const auto known = peer.sessions.find(fetching.session);
    if (!handed || handed->session != fetching.session || known == peer.sessions.end()) {
        links_.send(peer.is.id, Channel::Directory, encode(Leave{piece.number}));
        return fail(piece.number, not_found());
    }
    // The session's last words may be on their way.
    const HandedPresence& presence = handed->presence;
    if (known->second.words != presence.words && (presence.rest || !presence.is_available)) {
        known->second.words = presence.words;
        core_.said_elsewhere(
            known->second.session, {presence.words, presence.rest, presence.is_available}
        );
    }
    fetching.is_whole = true;
    const auto done = fetching.done;   // `fetching` may end meanwhile
    done(piece.number, std::move(*handed));
    core_.flush_elsewhere();
}

/// From now on it is here: whether the other member has heard that shows when it is connected
/// again.
bool Directory::take(std::uint64_t number, storage::Revision told_to) {
    const auto found = fetching_.extract(number);
    if (!found || !found.mapped().is_whole) return false;
    const Fetching& fetching = found.mapped();
    const PeerPtr peer = find(fetching.from);
    const MovedHere moved{number, fetching.session, told_to};
    if (!peer || !links_.send(peer->is.id, Channel::Directory, encode(moved))) return false;
    peer->sessions.erase(fetching.session);
    peer->unlisted.erase(fetching.session);
    return true;
}

void Directory::leave(std::uint64_t number) {
    const auto found = fetching_.extract(number);
    if (found) links_.send(found.mapped().from, Channel::Directory, encode(Leave{number}));
}

// Sessions that go.

void Directory::hear_moving(const PeerPtr& peer, DirectoryFrame frame) {
    if (const auto* wish = std::get_if<Fetch>(&frame)) return hear_fetch(peer, *wish);
    if (const auto* piece = std::get_if<Piece>(&frame)) return hear_piece(*peer, *piece);
    if (const auto* moved = std::get_if<MovedHere>(&frame)) return hear_moved_here(peer, *moved);
    if (const auto* stay = std::get_if<Stays>(&frame)) {
        if (stay->sent) return fail(stay->number, HandledTooHigh{*stay->sent});
        return fail(stay->number, stay->failure);
    }
    if (const auto* leaves = std::get_if<Leave>(&frame)) {
        const auto found = giving_.extract({peer->is.id, leaves->number});
        if (found) stays(found.mapped().session);
        return;
    }
    hear_ended(std::get<Ended>(frame));
}

void Directory::hear_ended(const Ended& ended) {
    const SessionPtr here = core_.sessions().find(ended.session);
    if (!here || here->other_member) return;
    if (here->state == Session::State::Hibernating)
        core_.give_way(here);
    else if (here->moves != 0)
        core_.replaced_elsewhere(here);
    core_.flush_elsewhere();
}

void Directory::end_hibernating(Peer& peer, std::uint64_t session) {
    if (!peer.is_connected || !links_.send(peer.is.id, Channel::Directory, encode(Ended{session})))
        return;
    hear_gone(peer, session);
}

void Directory::hear_fetch(const PeerPtr& peer, const Fetch& fetch) {
    giving_[{peer->is.id, fetch.number}].session = fetch.wanted.session;
    core_.hand_over(
        fetch.wanted,
        [self = weak_from_this(), peer, number = fetch.number](FetchAnswer answer) {
            if (const auto me = self.lock()) me->handed_over(peer, number, std::move(answer));
        }
    );
}

void Directory::handed_over(const PeerPtr& peer, std::uint64_t number, FetchAnswer answer) {
    const auto found = giving_.find({peer->is.id, number});
    const auto* handed = std::get_if<HandedOver>(&answer);
    if (handed == nullptr) {
        if (found != giving_.end()) giving_.erase(found);
        links_.send(peer->is.id, Channel::Directory, encode(stays_of(number, answer)));
        return;
    }
    if (found == giving_.end() || is_stopped_) return stays(handed->session);
    Giving& giving = found->second;
    giving.bytes = encode(*handed);
    giving.stanzas = handed->acknowledged + handed->unacked.size();
    send_pieces(*peer, number, giving);
}

/// As far as there is room; the rest with the next tick.
void Directory::send_pieces(Peer& peer, std::uint64_t number, Giving& giving) {
    while (peer.is_connected && !giving.bytes.empty() && !giving.is_whole()) {
        const std::size_t size = std::min(piece_bytes, giving.bytes.size() - giving.sent);
        const Piece piece{
            number, giving.sent + size == giving.bytes.size(),
            giving.bytes.substr(giving.sent, size)
        };
        if (!links_.send(peer.is.id, Channel::Directory, encode(piece))) return;
        giving.sent += size;
    }
}

void Directory::stays(std::uint64_t session) {
    const SessionPtr here = core_.sessions().find(session);
    if (!here || here->other_member) return;
    core_.stays_here(here);
    core_.flush_elsewhere();
}

void Directory::hear_moved_here(const PeerPtr& peer, const MovedHere& moved) {
    const auto found = giving_.extract({peer->is.id, moved.number});
    const SessionPtr here = found ? core_.sessions().find(found.mapped().session) : nullptr;
    if (here && !here->other_member) return give(peer, here, found.mapped(), moved.told_to);
    links_.send(peer->is.id, Channel::Directory, encode(Ended{moved.session}));
}

/// The session stands in the table as one elsewhere, in the same turn: nobody sees that it was not
/// there.
void Directory::give(
    const PeerPtr& peer, const SessionPtr& session, const Giving& giving, storage::Revision told_to
) {
    auto there = std::make_shared<Session>();
    there->id = session->id;
    there->jid = session->jid;
    there->bare = session->bare;
    there->since = session->since;
    there->moves = session->moves + 1;
    there->principal = session->principal;
    there->identity = session->identity;
    there->transport_kind = session->transport_kind;
    there->is_active = session->is_active;
    there->is_present = session->is_present;
    there->takes_copies = session->takes_copies;
    there->priority = session->priority;
    there->show = session->show;
    there->heard = now();
    there->other_member = peer;
    there->budget = std::make_shared<Budget>(core_.outbox_bytes_max(), peer->budget);
    const std::string hash = Resumptions::hash_of(session->management->token);
    peer->sessions[there->id] = {there, core_.words_of(*session).number, hash};
    own_.erase(there->id);
    replaced_.erase(there->id);
    for (const auto& [id, other] : peers_) {
        other->changed.erase(there->id);
        other->told.erase(there->id);
    }
    tell_gone_later(there->id);
    connect(peer, there);
    core_.went_away(session, there, giving.stanzas, told_to);
}

void Directory::tell_gone_later(std::uint64_t session) {
    gone_later_.emplace_back(std::chrono::steady_clock::now() + gone_after, session);
}

// Where it is.

/// Of two members that tell of one session the one is right to which it moved last.
bool Directory::has_moved(const PeerPtr& peer, const SessionState& state) {
    const SessionPtr known = core_.sessions().find(state.id);
    if (!state.constant || state.moves <= known->moves || state.constant->jid != known->jid)
        return false;
    if (!known->other_member) {
        const auto giving = std::ranges::find_if(giving_, [&](const auto& one) {
            return one.first.first == peer->is.id && one.second.session == state.id &&
                   one.second.is_whole();
        });
        if (giving == giving_.end()) {   // the session was taken for lost, and goes on there
            core_.replaced_elsewhere(known);
            return true;
        }
        const Giving given = giving->second;
        giving_.erase(giving);
        give(peer, known, given, 0);
        return true;
    }
    const PeerPtr before = find(known->other_member->member());
    if (!before) return false;
    auto moved = before->sessions.extract(state.id);
    if (!moved) return false;
    before->unlisted.erase(state.id);
    known->other_member = peer;
    known->moves = state.moves;
    peer->sessions.insert(std::move(moved));
    connect(peer, known);
    core_.moved_elsewhere(*known, before->is.id);
    return true;
}

/// Sessions on their way here do not come any more. One that is whole there may have been taken.
void Directory::connection_lost(Peer& peer) {
    end_placing(peer);
    std::vector<std::uint64_t> lost;
    for (const auto& [number, fetching] : fetching_)
        if (fetching.from == peer.is.id) lost.push_back(number);
    for (const std::uint64_t number : lost) fail(number, not_found());
    std::vector<std::uint64_t> staying;
    for (auto at = giving_.begin(); at != giving_.end();) {
        const bool is_of_it = at->first.first == peer.is.id;
        if (is_of_it) at->second.is_in_doubt = at->second.is_whole();
        if (!is_of_it || at->second.is_in_doubt) {
            ++at;
            continue;
        }
        staying.push_back(at->second.session);
        at = giving_.erase(at);
    }
    for (const std::uint64_t session : staying) stays(session);
}

/// The member is gone, or has told all that it has: sessions that it did not take are here.
void Directory::return_untaken(Peer& peer) {
    std::vector<std::uint64_t> staying;
    std::erase_if(giving_, [&](const auto& one) {
        if (one.first.first != peer.is.id || !one.second.is_in_doubt) return false;
        staying.push_back(one.second.session);
        return true;
    });
    for (const std::uint64_t id : staying) {
        if (const SessionPtr session = core_.sessions().find(id); session && !session->other_member)
            session->moves += moves_of_return;
        stays(id);
    }
}

void Directory::look_at_moving(TimePoint now) {
    std::vector<std::uint64_t> late;
    for (const auto& [number, fetching] : fetching_)
        if (!fetching.is_whole && now > fetching.until) late.push_back(number);
    for (const std::uint64_t number : late) {
        links_.send(fetching_.at(number).from, Channel::Directory, encode(Leave{number}));
        fail(number, not_found());
    }
    for (auto& [key, giving] : giving_)
        if (const PeerPtr peer = find(key.first)) send_pieces(*peer, key.second, giving);
    while (!gone_later_.empty() && gone_later_.front().first <= now) {
        for (const auto& [id, peer] : peers_)
            if (peer->is_connected) peer->gone.push_back(gone_later_.front().second);
        gone_later_.pop_front();
    }
}

}   // namespace grid::server::cluster
