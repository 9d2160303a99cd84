// pubsub/replay.hpp: the undelivered items of a resource, found from its delivery position.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pubsub/broker.hpp"

namespace grid::pubsub {

/// See Engine::owed. Looks at the node indexes only; costs what the account's subscriptions and the
/// items found cost.
Owed find_owed(
    const Broker& broker,
    const xml::Jid& full,
    Position after,
    const EarlierStarts& earlier,
    std::size_t items_max,
    std::size_t bytes_max
);

/// See Engine::owed_message.
std::optional<Notification> owed_message(
    const Broker& broker, const OwedItem& item, const xml::Jid& subscriber, std::string_view payload
);

/// See Engine::owed_messages.
std::vector<Notification> owed_messages(
    const Broker& broker,
    const std::vector<const OwedItem*>& sources,
    const xml::Jid& subscriber,
    std::string_view payload
);

/// See Engine::starts_at_presence.
std::vector<PresenceStart> starts_at_presence(const Broker& broker, const xml::Jid& full);

/// See Engine::note_positions.
std::vector<storage::Batch> position_batches(
    const Broker& broker, const std::vector<std::pair<std::string, storage::Revision>>& positions
);

}   // namespace grid::pubsub
