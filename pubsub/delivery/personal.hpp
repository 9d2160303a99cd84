// pubsub/delivery/personal.hpp: recipients of an account's events that have no subscription: the
// sessions whose clients ask for them (XEP-0060 §9, XEP-0163 §4.3).
#pragma once

#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "pubsub/delivery/subscriber.hpp"
#include "pubsub/model/state.hpp"

namespace grid::pubsub {

/// Adds them, each by its full JID, where the node's access model lets them in. An account with a
/// subscription of its own is told by that. `account`: of that account alone; empty: of all.
void add_interested(
    const BrokerState& broker,
    const Node& node,
    std::vector<Subscriber>& audience,
    std::string_view account = {}
);

/// Whether a client asks for a node of that name.
using Wants = std::function<bool(std::string_view node)>;

/// The last items of the account's nodes for that session, which is available now (§12.2).
std::vector<OwedItem> last_items(
    const BrokerState& broker, const xml::Jid& owner, const xml::Jid& full, const Wants& wants
);
/// The message for one of them, with the time at which it was published; nullopt when the item is
/// gone or replaced, or may not be received any more.
std::optional<Notification> last_item_message(
    const BrokerState& broker, const OwedItem& item, const xml::Jid& full, std::string_view payload
);

}   // namespace grid::pubsub
