// pubsub/delivery/messages.hpp: the message that tells of one item, when it is published and
// later.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "pubsub/model/events.hpp"
#include "pubsub/model/state.hpp"

namespace grid::pubsub {

struct PublishedItem {
    bool has_item = true;   // not on a transient node without payloads (§4.3)
    std::string_view id, publisher, payload;
};

/// Everything from ` from='…'` to the end of the start tag. The id is unique: of node, revision and
/// index.
std::string message_open(
    const BrokerState& broker, const Node& node, storage::Revision revision, unsigned index
);

/// §7.1.2. No tree is built: the payload was serialized when it was parsed. `delayed` is the time
/// of publication for who gets it later (XEP-0203).
Notification item_notification(
    const BrokerState& broker,
    const Node& node,
    const PublishedItem& item,
    storage::Revision revision,
    unsigned index,
    std::optional<storage::Millis> delayed
);

}   // namespace grid::pubsub
