// pubsub/pages/item_pages.hpp: pages of a node's items, in the order that the store gave or in
// one that the requester wants.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pubsub/model/node.hpp"
#include "pubsub/pages/page.hpp"

namespace grid::pubsub {

/// Where an item of the node stands, or stood: a place in the order, never an offset, so that pages
/// neither skip nor repeat while items come and go.
std::string item_cursor(const BrokerState& broker, const Node& node, storage::Revision revision);

/// item-not-found for a request with a cursor of which place_of says so.
std::optional<xml::StanzaError> check_cursors(
    const BrokerState& broker,
    const Node& node,
    std::size_t kept,
    const std::optional<xml::RsmRequest>& request
);

/// The place that a cursor names. Retractions, replacements and purges since then do not matter.
/// item-not-found where retention has erased items that the client may not have seen, so that it
/// knows of its gap; and for a text that never was a cursor here. `kept` is the rank from which on
/// retention keeps items now.
Checked<storage::Revision> place_of(
    const BrokerState& broker, const Node& node, std::size_t kept, std::string_view cursor
);

/// Ranks of a node's items: from `first` on they are shown, from `kept` on they are kept.
struct Shown {
    std::size_t first = 0, kept = 0;
};

/// Part of the items that are shown; ranks in the page count from the first one. `max_items`
/// (§6.5.7) wants the newest; without it and without RSM the page is the oldest ones. With payloads
/// it ends where they would be more than page_bytes_max.
Checked<Page> page_of_items(
    const BrokerState& broker,
    const Node& node,
    Shown shown,
    const std::optional<xml::RsmRequest>& request,
    std::optional<std::uint64_t> max_items,
    bool has_payloads
);

/// Shortens a page to what payloads may fill; it keeps one item at least.
void limit_page_bytes(
    Page& page,
    std::size_t most,
    bool is_tail,
    const std::function<std::size_t(std::size_t)>& bytes_at
);

/// The `<set/>` of that page, if it needs one.
std::optional<xml::Element> set_of_items(
    const BrokerState& broker, const Node& node, std::size_t first, const Page& page
);

// Items in an order that the requester wants (XEP-0413).

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
    const BrokerState& broker,
    const Node& node,
    Shown shown,
    const ItemOrder& order,
    const std::optional<xml::RsmRequest>& request,
    std::optional<std::uint64_t> max_items
);

}   // namespace grid::pubsub
