// server/cluster/directory_shared.cpp: messages that several sessions of an account were sent and
// one has left unread: which other member has them in its care.
#include <algorithm>
#include <utility>
#include <vector>

#include "server/cluster/directory.hpp"
#include "server/cluster/directory_peer.hpp"

namespace grid::server::cluster {

/// A member whose connection is lost is waited for as long as stanzas for it wait.
void Directory::ask_who_has(UnreadShared unread, CaredFor done) {
    AskingWhoHas asking;
    asking.unread = std::move(unread);
    asking.done = std::move(done);
    asking.until = std::chrono::steady_clock::now() + settings_.patience;
    asking.found.resize(asking.unread.messages.size());
    const std::uint64_t number = ++last_asking_;
    ask_all(number, asking);
    if (asking.open.empty()) return asking.done({});
    asking_.emplace(number, std::move(asking));
}

void Directory::ask_all(std::uint64_t number, AskingWhoHas& asking) {
    for (const auto& [id, peer] : peers_) {
        if (!peer->is_connected && !peer->is_reachable) continue;
        asking.open.insert(id);
        if (peer->is_connected) peer->who_has.push_back(number);
    }
    plan();
}

bool Directory::tell_who_has(Peer& peer) {
    while (!peer.who_has.empty()) {
        const auto found = asking_.find(peer.who_has.front());
        if (found != asking_.end()) {
            const WhoHas question{found->first, found->second.unread};
            if (!links_.send(peer.is.id, Channel::Directory, encode(question))) return false;
        }
        peer.who_has.pop_front();
    }
    return true;
}

void Directory::hear_who_has(Peer& peer, const WhoHas& question) {
    if (!answer_who_has(peer, question)) held_.emplace_back(peer.is.id, question);
}

/// The questions of ends here are before the answer, which rests on these ends. Where there is no
/// room for it the other member's patience ends. False: the answer is not known yet.
bool Directory::answer_who_has(Peer& peer, const WhoHas& question) {
    const auto found = core_.answer(question.unread);
    if (!found) return false;
    const Has answer{question.number, has_lately_moved(question.unread.account), *found};
    if (tell_who_has(peer)) links_.send(peer.is.id, Channel::Directory, encode(answer));
    return true;
}

/// An end here is over.
void Directory::answer_held() {
    for (auto& [member, question] : std::exchange(held_, {})) {
        const PeerPtr peer = find(member);
        if (peer && peer->is_connected) hear_who_has(*peer, question);
    }
}

bool Directory::has_lately_moved(const std::string& account) const {
    return std::ranges::any_of(gone_later_, [&](const auto& gone) {
        const SessionPtr session = core_.sessions().find(gone.second);
        return session && session->bare.str() == account;
    });
}

void Directory::hear_has(const Peer& peer, const Has& answer) {
    const auto found = asking_.find(answer.number);
    if (found == asking_.end() || found->second.open.erase(peer.is.id) == 0) return;
    AskingWhoHas& asking = found->second;
    asking.has_moved = asking.has_moved || answer.has_moved;
    const std::size_t count = std::min(asking.found.size(), answer.found.size());
    for (std::size_t at = 0; at < count; ++at)
        if (answer.found[at]) asking.found[at] = true;
    look_at_asking(answer.number);
}

/// Answers that were under way are lost, and those that are held are asked for again.
void Directory::connected_again(Peer& peer) {
    std::erase_if(held_, [&](const auto& one) { return one.first == peer.is.id; });
    peer.who_has.clear();
    for (const auto& [number, asking] : asking_)
        if (asking.open.contains(peer.is.id)) peer.who_has.push_back(number);
}

void Directory::end_asking(storage::MemberId member) {
    std::vector<std::uint64_t> numbers;
    for (auto& [number, asking] : asking_)
        if (asking.open.erase(member) != 0) numbers.push_back(number);
    for (const std::uint64_t number : numbers) look_at_asking(number);
}

/// All have answered. A session that moved meanwhile was perhaps with none of them when each was
/// asked, and is by now.
void Directory::look_at_asking(std::uint64_t number) {
    const auto found = asking_.find(number);
    if (found == asking_.end() || !found->second.open.empty()) return;
    AskingWhoHas& asking = found->second;
    const bool is_all_found = std::ranges::find(asking.found, false) == asking.found.end();
    if (asking.has_moved && !is_all_found && !std::exchange(asking.is_second, true))
        ask_all(number, asking);
    if (!asking.open.empty()) return;
    const AskingWhoHas over = std::move(asking);
    asking_.erase(found);
    over.done(over.found);
    answer_held();
    core_.flush_elsewhere();
}

void Directory::look_at_asking(TimePoint now) {
    std::vector<std::uint64_t> late;
    for (auto& [number, asking] : asking_)
        if (now > asking.until) late.push_back(number);
    for (const std::uint64_t number : late) {
        const auto found = asking_.find(number);
        if (found == asking_.end()) continue;
        found->second.open.clear();
        found->second.is_second = true;
        look_at_asking(number);
    }
}

/// Stanzas that wait for members which cannot be reached are kept here, too.
void Directory::ask_no_more() {
    std::vector<PeerPtr> away;
    for (const auto& [id, peer] : peers_)
        if (!peer->is_connected && peer->is_reachable) away.push_back(peer);
    for (const PeerPtr& peer : away) give_up(peer);
    look_at_asking(TimePoint::max());
}

}   // namespace grid::server::cluster
