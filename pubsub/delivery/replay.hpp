// pubsub/delivery/replay.hpp: the undelivered items of a resource, found from its delivery
// position.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pubsub/delivery/subscriber.hpp"
#include "pubsub/model/state.hpp"

namespace grid::pubsub {

/// See Broker::owed. Looks at the node indexes only; costs what the account's subscriptions and the
/// items found cost.
Owed find_owed(
    const BrokerState& broker,
    const xml::Jid& full,
    Position after,
    const EarlierStarts& earlier,
    std::size_t items_max,
    std::size_t bytes_max
);

/// See Broker::owed_message.
std::optional<Notification> owed_message(
    const BrokerState& broker,
    const OwedItem& item,
    const xml::Jid& subscriber,
    std::string_view payload
);

/// See Broker::owed_messages.
std::vector<Notification> owed_messages(
    const BrokerState& broker,
    const std::vector<const OwedItem*>& sources,
    const xml::Jid& subscriber,
    std::string_view payload
);

/// See Broker::starts_at_presence.
std::vector<PresenceStart> starts_at_presence(const BrokerState& broker, const xml::Jid& full);

/// See Broker::note_positions.
std::vector<storage::Batch> position_batches(
    const BrokerState& broker,
    const std::vector<std::pair<std::string, storage::Revision>>& positions
);

}   // namespace grid::pubsub
