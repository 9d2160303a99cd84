// pubsub/item_order.hpp: items in an order that the requester wants (XEP-0413).
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "pubsub/item_pages.hpp"

namespace grid::pubsub {

inline const xml::Ns order_by_ns{"urn:xmpp:order-by:1"};

/// By modification is the order of the items anyway: an item that is published again is the newest.
struct ItemOrder {
    bool is_by_creation = false, is_descending = false;
};

/// The topmost `<order/>` beside `<items/>`. No two items are created or modified by one batch:
/// there is nothing left to settle for those below it, which must make sense all the same.
Checked<std::optional<ItemOrder>> parse_item_order(const xml::Element& pubsub);

struct OrderedPage {
    std::vector<std::size_t> ranks;   // in the node's items
    std::optional<xml::Element> set;
};
/// Part of the items that are shown, in that order; `max_items` wants the newest ones.
Checked<OrderedPage> page_in_order(
    const Broker& broker,
    const Node& node,
    Shown shown,
    const ItemOrder& order,
    const std::optional<xml::RsmRequest>& request,
    std::optional<std::uint64_t> max_items
);

}   // namespace grid::pubsub
