// server/delivery/digests.cpp: see server/delivery/digests.hpp.
#include "server/delivery/digests.hpp"

#include <algorithm>

#include "pubsub/delivery/copies.hpp"

namespace grid::server {
namespace {
constexpr std::size_t digest_items_max = 256, digest_bytes_max = 256 * 1024;
/// Of all its nodes: a session may have thousands of subscriptions.
constexpr std::size_t session_bytes_max = 1024 * 1024;
/// The time of one turn of the strand for digests.
constexpr auto digest_slice = std::chrono::milliseconds(1);

std::size_t bytes_of(const pubsub::Notification& item) {
    return sizeof(item) + item.rest->size() + item.body.size();
}
}   // namespace

void Digests::add(
    const SessionPtr& session,
    Address to,
    const pubsub::Notification& notification,
    const pubsub::CopyOptions& copy,
    std::uint32_t frequency_ms,
    const Send& send
) {
    const Key key{session->id, {to, notification.node}};
    const auto [at, is_new] = digests_.try_emplace(key);
    Digest& digest = at->second;
    if (is_new) {
        digest.session = session;
        digest.copy = copy;
        // Counted from its first item: so two digests are at least that far apart.
        digest.due = Clock::now() + std::chrono::milliseconds(frequency_ms);
        due_.emplace(digest.due, key);
    }
    const std::size_t bytes = bytes_of(notification);
    digest.items.push_back(notification);
    digest.bytes += bytes;
    const bool is_full = (bytes_[session->id] += bytes) >= session_bytes_max ||
                         digest.items.size() >= digest_items_max ||
                         digest.bytes >= digest_bytes_max;
    if (is_full) send_one(at, send);
}

Digests::ByKey::iterator Digests::end_of(ByKey::iterator at) {
    const auto& [key, digest] = *at;
    due_.erase({digest.due, key});
    if (const auto held = bytes_.find(key.first); (held->second -= digest.bytes) == 0)
        bytes_.erase(held);
    return digests_.erase(at);
}

/// `make_way` may have removed the digest: a session that falls behind has none.
void Digests::send_one(ByKey::iterator at, const Send& send) {
    const Key key = at->first;
    const SessionPtr session = at->second.session;
    send.make_way(session);
    at = digests_.find(key);
    if (at == digests_.end()) return;
    const Digest& digest = at->second;
    Due due{session, key.second.first, key.second.second, {}, 0, 0};
    if (session->is_open()) due.body = pubsub::digest_of(digest.items, digest.copy);
    due.first = digest.items.front().revision;
    due.last = digest.items.back().revision;
    end_of(at);
    if (due.body) send.put(std::move(due));
}

/// Node 0: of all nodes. Each is looked for anew, since sending one may have removed others.
void Digests::send_now(
    const SessionPtr& session, Address to, std::uint64_t node, const Send& send
) {
    if (digests_.empty()) return;
    for (;;) {
        const auto found = digests_.lower_bound(Key{session->id, {to, node}});
        if (found == digests_.end()) return;
        const auto& [id, place] = found->first;
        const bool is_meant =
            id == session->id && place.first == to && (node == 0 || place.second == node);
        if (!is_meant) return;
        send_one(found, send);
    }
}

bool Digests::send_due(Clock::time_point now, const Send& send) {
    const auto deadline = Clock::now() + digest_slice;
    while (!due_.empty() && due_.begin()->first <= now) {
        send_one(digests_.find(due_.begin()->second), send);
        if (Clock::now() >= deadline) return true;
    }
    return false;
}

void Digests::forget(std::uint64_t session) {
    auto at = digests_.lower_bound(Key{session, {Address::None, 0}});
    while (at != digests_.end() && at->first.first == session) at = end_of(at);
}

std::vector<Digests::Start> Digests::take(const Session& session) {
    std::vector<Start> starts;
    auto at = digests_.lower_bound(Key{session.id, {Address::None, 0}});
    for (; at != digests_.end() && at->first.first == session.id; at = end_of(at)) {
        const auto& [to, node] = at->first.second;
        starts.push_back({node, to == Address::Bare, at->second.items.front().revision});
    }
    return starts;
}

storage::Revision Digests::told(std::uint64_t session, storage::Revision told) const {
    auto at = digests_.lower_bound(Key{session, {Address::None, 0}});
    for (; at != digests_.end() && at->first.first == session; ++at)
        told = std::min(told, at->second.items.front().revision - 1);
    return told;
}

}   // namespace grid::server
