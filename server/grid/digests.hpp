// server/grid/digests.hpp: items kept back for a while, to be sent together (pubsub#digest).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "pubsub/engine.hpp"
#include "server/session.hpp"

namespace grid::server {

/// Soft state: what is kept back when a session ends is owed to it at its next login. Grid strand.
class Digests {
public:
    using Clock = std::chrono::steady_clock;
    struct Span {
        storage::Revision first = 0, last = 0;
    };
    /// Takes the bytes of a digest for that session and address.
    using Send = std::function<
        void(const SessionPtr& session, const std::string* head, xml::Bytes body, Span span)>;

    /// Keeps an item. A digest that has grown to its bound is sent at once.
    void add(
        const SessionPtr& session,
        const std::string* head,
        const pubsub::Notification& notification,
        const pubsub::Flavour& flavour,
        std::uint32_t frequency_ms,
        const Send& send
    );
    /// Something of that node follows that is no item: what was before it goes first.
    void send_now(
        const SessionPtr& session, const std::string* head, std::uint64_t node, const Send& send
    );
    void send_due(Clock::time_point now, const Send& send);
    void forget(std::uint64_t session);
    /// The revision up to which the session was told, given that it is `told` all but digests.
    storage::Revision told(std::uint64_t session, storage::Revision told) const;

private:
    struct Digest {
        SessionPtr session;
        pubsub::Flavour flavour;
        std::vector<pubsub::Notification> items;
        std::size_t bytes = 0;
        Clock::time_point due;
    };
    /// By session, address and node.
    using Key = std::pair<std::uint64_t, std::pair<const std::string*, std::uint64_t>>;

    static void send_one(const Key& key, Digest& digest, const Send& send);

    std::map<Key, Digest> digests_;
};

}   // namespace grid::server
