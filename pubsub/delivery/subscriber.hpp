// pubsub/delivery/subscriber.hpp: one recipient of a node's events, and the items that it has not
// received yet.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "pubsub/model/records.hpp"
#include "pubsub/options/subscription_options.hpp"
#include "pubsub/ports/content_filter.hpp"
#include "pubsub/ports/ports.hpp"
#include "storage/decision.hpp"
#include "xml/jid.hpp"

namespace grid::pubsub {

/// One recipient for fan-out: one per JID, whatever the number of its subscriptions.
struct Subscriber {
    xml::Jid jid;   // as subscribed: bare or full
    CopyOptions copy;
    std::uint8_t shows = every_show;
    std::uint32_t digest_ms = 0;   // 0: told of each item by itself
};

/// An item that a subscriber has not had yet.
struct OwedItem {
    std::uint64_t node = 0;
    std::string id;
    storage::Revision revision = 0;
    std::uint64_t shelf = 0, epoch = 0;   // of the node whose index has it
    bool has_payload = false;
    bool is_for_bare = false, is_for_full = false;   // which addresses subscribed
    /// Only a payload that passes is delivered: an item of the topic, delivered as one of the
    /// subtopic.
    std::shared_ptr<const PayloadTest> test;

    ItemAt at() const { return {shelf, epoch, id, revision}; }
};

/// The oldest undelivered items, in commit order.
struct Owed {
    std::vector<OwedItem> items;
    bool is_all = true;   // there is no more
};

/// Up to where a resource was told: what came to its account, and what to its full JID.
struct Position {
    storage::Revision bare = 0, full = 0;
};

/// Subscriptions of a resource that begin earlier than its position (§6.1.7): node → revision.
using EarlierStarts = std::map<std::uint64_t, storage::Revision>;

/// The last item of a node whose subscribers get it whenever they come online (§12.2): replay
/// begins there.
struct PresenceStart {
    std::uint64_t node = 0;
    bool is_bare = false;
    storage::Revision after = 0;
};

/// The account and the full JID of a session subscribe apart. (Revisions, and so uids, never need
/// 64 bits.)
constexpr std::uint64_t start_key(std::uint64_t node, bool is_bare) {
    return 2 * node + (is_bare ? 1 : 0);
}

}   // namespace grid::pubsub
