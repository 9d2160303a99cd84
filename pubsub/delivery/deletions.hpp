// pubsub/delivery/deletions.hpp: the end of a node, for subscribers that were away.
#pragma once

#include <string>

#include "pubsub/model/state.hpp"
#include "pubsub/ports/ports.hpp"
#include "xml/jid.hpp"

namespace grid::pubsub {

/// Whether subscribers hear of the node's end (XEP-0060 §8.4.2).
bool tells_of_deletion(const Node& node);

/// The <message/> without its start tag. It becomes a notice for those who are away as the node's
/// records are erased.
std::string deletion_notice(const Node& node);

/// Tells a session that has just logged in of the account's nodes that are deleted and not erased
/// yet: it came after the event, and is there when the notice would be stored.
void tell_of_deletions(const BrokerState& broker, const xml::Jid& full, NotificationSink& sink);

}   // namespace grid::pubsub
