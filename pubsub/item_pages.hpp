// pubsub/item_pages.hpp: pages of a node's items, by a cursor in the order that the store gave.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "pubsub/node.hpp"
#include "pubsub/page.hpp"

namespace grid::pubsub {

/// Where an item of the node stands, or stood: a place in the order, never an offset, so that pages
/// neither skip nor repeat while items come and go.
std::string item_cursor(const Broker& broker, const Node& node, storage::Revision revision);

/// item-not-found for a request with a cursor of which place_of says so.
std::optional<xml::StanzaError> check_cursors(
    const Broker& broker,
    const Node& node,
    std::size_t kept,
    const std::optional<xml::RsmRequest>& request
);

/// The place that a cursor names. Retractions, replacements and purges since then do not matter.
/// item-not-found where retention has erased items that the client may not have seen, so that it
/// knows of its gap; and for a text that never was a cursor here. `kept` is the rank from which on
/// retention keeps items now.
Checked<storage::Revision> place_of(
    const Broker& broker, const Node& node, std::size_t kept, std::string_view cursor
);

/// Ranks of a node's items: from `first` on they are shown, from `kept` on they are kept.
struct Shown {
    std::size_t first = 0, kept = 0;
};

/// Part of the items that are shown; ranks in the page count from the first one. `max_items`
/// (§6.5.7) wants the newest; without it and without RSM the page is the oldest ones. With payloads
/// it ends where they would be more than page_bytes_max.
Checked<Page> page_of_items(
    const Broker& broker,
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
    const Broker& broker, const Node& node, std::size_t first, const Page& page
);

}   // namespace grid::pubsub
