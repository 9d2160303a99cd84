// server/cluster/directory_places.cpp: how far the items of an account are, where it has sessions
// on several members.
#include <utility>
#include <vector>

#include "server/cluster/directory.hpp"
#include "server/cluster/directory_peer.hpp"
#include "server/session/replay_state.hpp"

namespace grid::server::cluster {

std::vector<std::shared_ptr<OtherMember>> Directory::others() const {
    std::vector<std::shared_ptr<OtherMember>> all;
    for (const auto& [id, peer] : peers_)
        if (peer->is_connected) all.push_back(peer);
    return all;
}

void Directory::Peer::ask_place(const Session& newcomer, Placed done) {
    if (const auto owner = directory.lock())
        return owner->ask_place(*this, newcomer, std::move(done));
    done({});
}

/// A member that cannot be reached is not waited for.
void Directory::ask_place(Peer& peer, const Session& newcomer, OtherMember::Placed done) {
    if (!peer.is_connected || is_stopped_) return done({});
    const std::uint64_t number = ++last_placing_;
    const auto until = std::chrono::steady_clock::now() + settings_.place_within;
    placing_.emplace(number, Placing{peer.is.id, until, std::move(done)});
    peer.questions.push_back({number, newcomer.bare.str(), newcomer.replay->turn, newcomer.id});
    plan();
}

/// Behind the ends of sessions: the other member may have cared for items because of one.
bool Directory::tell_questions(Peer& peer) {
    while (!peer.questions.empty()) {
        const PlaceOf& question = peer.questions.front();
        const bool is_waited_for = placing_.contains(question.number);
        if (is_waited_for && !links_.send(peer.is.id, Channel::Directory, encode(question)))
            return false;
        peer.questions.pop_front();
    }
    return true;
}

/// A member relies on sessions that it knows alone, so that those are told before the answer. An
/// end that the other member hears behind the answer came behind it. Where there is no room for the
/// answer, the other one's patience ends.
void Directory::hear_place_of(Peer& peer, const PlaceOf& question) {
    const AccountPlace found = core_.place_of(question.account, question.turn, question.session);
    for (const SessionPtr& one : core_.sessions().of_account(question.account))
        if (!one->other_member && !tell_now(peer, one->id)) return;
    links_.send(peer.is.id, Channel::Directory, encode(Place{question.number, found}));
}

void Directory::hear_place(const Peer& peer, const Place& answer) {
    const auto found = placing_.find(answer.number);
    if (found != placing_.end() && found->second.of == peer.is.id)
        place(answer.number, answer.found);
}

void Directory::place(std::uint64_t number, AccountPlace found) {
    auto placing = placing_.extract(number);
    if (!placing) return;
    placing.mapped().done(found);
    core_.flush_elsewhere();
}

void Directory::end_placing(const Peer& peer) {
    std::vector<std::uint64_t> lost;
    for (const auto& [number, placing] : placing_)
        if (placing.of == peer.is.id) lost.push_back(number);
    for (const std::uint64_t number : lost) place(number, {});
}

void Directory::look_at_placing(TimePoint now) {
    std::vector<std::uint64_t> late;
    for (const auto& [number, placing] : placing_)
        if (now > placing.until) late.push_back(number);
    for (const std::uint64_t number : late) place(number, {});
}

}   // namespace grid::server::cluster
