// pubsub/audience.hpp: recipients of a node's events, and their extras (XEP-0060 §6.3, §7.1.2.4).
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "pubsub/broker.hpp"

namespace grid::pubsub {

/// See Engine::audience. In the order of the JIDs; one each, whatever the number of its
/// subscriptions (§6.1.6).
std::vector<Subscriber> audience_of(const Broker& broker, const Node& node, AudienceKind kind);

/// The same of one account's addresses, for the price of that account.
std::vector<Subscriber> audience_of_account(
    const Broker& broker, const Node& node, AudienceKind kind, std::string_view bare
);

/// The recipient under that very address, subscribed to the node itself or to a collection above;
/// nullopt if there is none.
std::optional<Subscriber> find_subscriber(
    const Broker& broker, const Node& node, const xml::Jid& jid
);

/// See Engine::is_in_audience, Engine::may_receive_here.
bool is_told(const Broker& broker, const xml::Jid& subscriber, std::uint64_t node);
bool may_hear_here(const Broker& broker, const Principal& session, std::uint64_t node);

}   // namespace grid::pubsub
