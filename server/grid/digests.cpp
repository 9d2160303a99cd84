// server/grid/digests.cpp: see digests.hpp.
#include "server/grid/digests.hpp"

#include <algorithm>

#include "pubsub/flavour.hpp"

namespace grid::server {
namespace {
constexpr std::size_t digest_items_max = 256, digest_bytes_max = 256 * 1024;
}   // namespace

void Digests::add(
    const SessionPtr& session,
    const std::string* head,
    const pubsub::Notification& notification,
    const pubsub::Flavour& flavour,
    std::uint32_t frequency_ms,
    const Send& send
) {
    const Key key{session->id, {head, notification.node}};
    Digest& digest = digests_[key];
    if (digest.items.empty()) {
        digest.session = session;
        digest.flavour = flavour;
        // Counted from its first item: so two digests are at least that far apart.
        digest.due = Clock::now() + std::chrono::milliseconds(frequency_ms);
    }
    digest.items.push_back(notification);
    digest.bytes += notification.rest->size();
    if (digest.items.size() < digest_items_max && digest.bytes < digest_bytes_max) return;
    send_one(key, digest, send);
}

void Digests::send_one(const Key& key, Digest& digest, const Send& send) {
    send(
        digest.session, key.second.first, pubsub::digest_of(digest.items, digest.flavour),
        Span{digest.items.front().revision, digest.items.back().revision}
    );
    digest.items.clear();
    digest.bytes = 0;
}

void Digests::send_now(
    const SessionPtr& session, const std::string* head, std::uint64_t node, const Send& send
) {
    const auto found = digests_.find(Key{session->id, {head, node}});
    if (found == digests_.end()) return;
    if (!found->second.items.empty()) send_one(found->first, found->second, send);
    digests_.erase(found);
}

void Digests::send_due(Clock::time_point now, const Send& send) {
    for (auto at = digests_.begin(); at != digests_.end();) {
        auto& [key, digest] = *at;
        if (!digest.items.empty() && digest.due > now) {
            ++at;
            continue;
        }
        if (!digest.items.empty()) send_one(key, digest, send);
        at = digests_.erase(at);
    }
}

void Digests::forget(std::uint64_t session) {
    auto at = digests_.lower_bound(Key{session, {nullptr, 0}});
    while (at != digests_.end() && at->first.first == session) at = digests_.erase(at);
}

storage::Revision Digests::told(std::uint64_t session, storage::Revision told) const {
    auto at = digests_.lower_bound(Key{session, {nullptr, 0}});
    for (; at != digests_.end() && at->first.first == session; ++at)
        if (!at->second.items.empty()) told = std::min(told, at->second.items.front().revision - 1);
    return told;
}

}   // namespace grid::server
