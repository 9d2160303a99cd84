// pubsub/model/events.hpp: the events of batches, as they travel through the store to notify.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "pubsub/model/affiliation.hpp"
#include "pubsub/model/subscription.hpp"
#include "storage/batch.hpp"

namespace grid::pubsub {

/// The beginning of ids of events, by which errors that come back are known.
inline constexpr std::string_view event_id = "ev-";

struct ItemPublished {
    std::uint64_t node = 0;
    bool has_item = true;        // not on a transient node without payloads (§4.3)
    std::string id, publisher;   // id may be empty on a transient node
    std::string payload;     // only of a volatile batch; else it is in the batch's own operation
    std::string extracted;   // attributes for the filters, where the broker filters
};
struct ItemsRetracted {
    std::uint64_t node = 0;
    bool is_notified = true;
    std::vector<std::string> ids;
    /// Not 0: they are kept, but went out of sight, and are those hidden after the one revision up
    /// to the other.
    storage::Revision hidden_after = 0, hidden_up_to = 0;
    /// Where the broker filters: what filters asked of each of them. Empty: none had it; nothing:
    /// that is not known.
    std::vector<std::optional<std::string>> extracted = {};
};
struct NodePurged {
    std::uint64_t node = 0;
};
struct NodeDeleted {
    std::uint64_t node = 0;
    std::string redirect;
};
struct NodeConfigured {
    std::uint64_t node = 0;
    bool is_notified = true;   // false: an internal rewrite
};
struct SubscriptionChanged {
    std::uint64_t node = 0;
    std::string jid, subid;
    SubscriptionState state = SubscriptionState::None;   // the new one
    bool is_told = false;   // whether the subscriber gets a message (§12.14)
};
/// A subscription waits for an owner (§8.6).
struct ApprovalRequested {
    std::uint64_t node = 0;
    std::string jid, subid;
};
struct AffiliationChanged {
    std::uint64_t node = 0;
    std::string jid;
    Affiliation affiliation = Affiliation::None;
};
/// A node was made: 0 in events of the batch that makes it, whose revision is the uid.
struct NodeCreated {
    std::uint64_t node = 0;
};
/// XEP-0248 §5.3.2: a node came into a collection, or left it.
struct Associated {
    std::uint64_t collection = 0, child = 0;
    bool is_added = true;
};

/// Other options of a subscription that stays as it was.
struct SubscriptionConfigured {
    std::uint64_t node = 0;
    std::string jid, subid;
};
/// §12.19: the subscriber is reminded.
struct LeaseEnding {
    std::uint64_t node = 0;
    std::string jid, subid;
};
/// §8.7: all that waits for an owner at that node is asked for again, of one who wants to know.
struct PendingListed {
    std::uint64_t node = 0;
    std::string to;
};
/// §12.4: a notification came back, and is to be counted.
struct Bounced {
    std::string jid;          // full
    std::uint64_t node = 0;   // 0: not known
};
/// A subtopic was created or removed. The first event of its batch, for the topic's publishers.
struct SubtopicChanged {
    std::string topic, name, filter;
    bool is_created = true;
};
/// Only looks whether it is the first.
std::optional<SubtopicChanged> subtopic_change(std::string_view events);

using Event = std::variant<
    ItemPublished,
    ItemsRetracted,
    NodePurged,
    NodeDeleted,
    NodeConfigured,
    SubscriptionChanged,
    ApprovalRequested,
    AffiliationChanged,
    NodeCreated,
    Associated,
    SubscriptionConfigured,
    LeaseEnding,
    PendingListed,
    Bounced,
    SubtopicChanged>;
/// In the order of the variant: names for metrics.
inline constexpr std::array<std::string_view, std::variant_size_v<Event>> event_names{
    "item_published",
    "items_retracted",
    "node_purged",
    "node_deleted",
    "node_configured",
    "subscription_changed",
    "approval_requested",
    "affiliation_changed",
    "node_created",
    "associated",
    "subscription_configured",
    "lease_ending",
    "pending_listed",
    "bounced",
    "subtopic_changed"
};

/// Events may follow each other in Batch::event: event := tag(u8) length(varint) body.
std::string encode(const Event& event);
/// The events of this engine, in order. They come first in a batch; at another's tag it ends.
std::vector<Event> decode_events(std::string_view bytes);

}   // namespace grid::pubsub
