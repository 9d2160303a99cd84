// pubsub/item_pages.hpp: pages of a node's items, by a cursor in the order that the store gave.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "pubsub/page.hpp"

namespace grid::pubsub {

/// Where an item stands: `epoch:revision`. A place in the order, never an offset, so that pages
/// neither skip nor repeat while items come and go.
struct ItemPlace {
    std::uint64_t epoch = 0;
    storage::Revision revision = 0;
};
std::optional<ItemPlace> parse_item_cursor(std::string_view text);
std::string item_cursor(std::uint64_t epoch, storage::Revision revision);

/// Part of the items from rank `first` on; ranks in the page count from there. `max_items` (§6.5.7)
/// wants the newest; without it and without RSM the page is the oldest ones. With payloads it ends
/// where they would be more than page_bytes_max.
Checked<Page> page_of_items(
    const Broker& broker,
    const Node& node,
    std::size_t first,
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
std::optional<xml::Element> set_of_items(const Node& node, std::size_t first, const Page& page);

}   // namespace grid::pubsub
