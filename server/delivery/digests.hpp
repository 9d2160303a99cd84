// server/delivery/digests.hpp: items kept back for a while, to be sent together (pubsub#digest).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "pubsub/broker.hpp"
#include "server/session/session.hpp"

namespace grid::server {

/// Digests: items that are collected for a session and sent together. Soft state: items that are
/// kept when a session ends are replayed at its next login. Core strand.
class Digests {
public:
    using Clock = std::chrono::steady_clock;
    /// A digest for that session and address that is being sent.
    struct Due {
        SessionPtr session;
        Address to = Address::None;
        std::uint64_t node = 0;
        xml::Bytes body;
        storage::Revision first = 0, last = 0;   // of its items
    };
    struct Send {
        /// Before: all that waits for that session goes out, or does not for want of room.
        std::function<void(const SessionPtr& session)> make_way;
        std::function<void(Due digest)> put;
    };
    /// Where something that was kept begins.
    struct Start {
        std::uint64_t node = 0;
        bool is_bare = false;
        storage::Revision first = 0;
    };

    /// Keeps an item. A digest that has grown to its bound is sent at once, and so is one with
    /// which its session keeps too much.
    void add(
        const SessionPtr& session,
        Address to,
        const pubsub::Notification& notification,
        const pubsub::CopyOptions& copy,
        std::uint32_t frequency_ms,
        const Send& send
    );
    /// Another event of that node follows: the items before it are sent first.
    void send_now(const SessionPtr& session, Address to, std::uint64_t node, const Send& send);
    /// True when there is more, because it would take too long at once.
    bool send_due(Clock::time_point now, const Send& send);
    void forget(std::uint64_t session);
    /// The same, and the starts of the forgotten items.
    std::vector<Start> take(const Session& session);
    /// The revision up to which the session was told, given that it is `told` all but digests.
    storage::Revision told(std::uint64_t session, storage::Revision told) const;

private:
    struct Digest {
        SessionPtr session;
        pubsub::CopyOptions copy;
        std::vector<pubsub::Notification> items;
        std::size_t bytes = 0;
        Clock::time_point due;
    };
    /// By session, address and node.
    using Key = std::pair<std::uint64_t, std::pair<Address, std::uint64_t>>;

    using ByKey = std::map<Key, Digest>;

    ByKey::iterator end_of(ByKey::iterator at);
    void send_one(ByKey::iterator at, const Send& send);

    ByKey digests_;
    std::set<std::pair<Clock::time_point, Key>> due_;
    std::unordered_map<std::uint64_t, std::size_t> bytes_;   // by session
};

}   // namespace grid::server
