// pubsub/item_pages.cpp: see pubsub/item_pages.hpp.
#include "pubsub/item_pages.hpp"

#include <algorithm>

#include "pubsub/errors.hpp"

namespace grid::pubsub {

std::string item_cursor(const Broker& broker, const Node& node, storage::Revision revision) {
    return broker.memory.cursors().place(node.uid, revision);
}

Checked<storage::Revision> place_of(
    const Broker& broker, const Node& node, std::size_t kept, std::string_view cursor
) {
    using Place = Checked<storage::Revision>;
    const auto place = broker.memory.cursors().find_place(node.uid, cursor);
    if (!place)
        return refuse(
            Errc::ItemNotFound, "'" + std::string(cursor) +
                                    "' names no place at this node (one of an older version of "
                                    "this server does not any more): start again."
        );
    const storage::Revision lost =
        std::max(node.lost_up_to, kept == 0 ? 0 : node.items.at(kept - 1).revision);
    if (*place >= lost) return Place(*place);
    return refuse(
        Errc::ItemNotFound,
        "Items behind '" + std::string(cursor) + "' are not kept any more: start again."
    );
}

std::optional<xml::StanzaError> check_cursors(
    const Broker& broker,
    const Node& node,
    std::size_t kept,
    const std::optional<xml::RsmRequest>& request
) {
    if (!request) return std::nullopt;
    for (const auto* cursor : {&request->after, &request->before})
        if (*cursor && !(*cursor)->empty())
            if (const auto place = place_of(broker, node, kept, **cursor); !place)
                return place.error();
    return std::nullopt;
}

void limit_page_bytes(
    Page& page,
    std::size_t most,
    bool is_tail,
    const std::function<std::size_t(std::size_t)>& bytes_at
) {
    std::size_t bytes = 0, kept = 0;
    for (; kept < page.to - page.from; ++kept) {
        bytes += bytes_at(is_tail ? page.to - 1 - kept : page.from + kept);
        if (bytes > most && kept > 0) break;
    }
    if (is_tail)
        page.from = page.to - kept;
    else
        page.to = page.from + kept;
}

Checked<Page> page_of_items(
    const Broker& broker,
    const Node& node,
    Shown shown,
    const std::optional<xml::RsmRequest>& request,
    std::optional<std::uint64_t> max_items,
    bool has_payloads
) {
    const std::size_t first = shown.first, total = node.items.size() - first;
    if (auto error = check_cursors(broker, node, shown.kept, request)) return *error;
    const auto find = [&](std::string_view cursor, bool is_after) -> std::optional<std::size_t> {
        const auto place = place_of(broker, node, shown.kept, cursor);
        if (!place) return std::nullopt;
        const storage::Revision up_to = is_after || *place == 0 ? *place : *place - 1;
        return std::max(node.items.rank_after(up_to), first) - first;
    };
    bool is_tail = request && request->before;
    auto page = find_page(request, total, broker.settings.page_max, find);
    if (!page) return page;
    if (!request && max_items) {
        is_tail = true;
        const auto most = std::min<std::uint64_t>(*max_items, broker.settings.page_max);
        page->to = total;
        page->from = total - std::min<std::size_t>(total, static_cast<std::size_t>(most));
        // A request whose max_items was fully satisfied needs no <set/>.
        if (*max_items <= most) page->total = page->to - page->from;
    }
    if (has_payloads)
        limit_page_bytes(*page, broker.settings.page_bytes_max, is_tail, [&](std::size_t rank) {
            return node.items.at(first + rank).payload_bytes;
        });
    return page;
}

std::optional<xml::Element> set_of_items(
    const Broker& broker, const Node& node, std::size_t first, const Page& page
) {
    if (!page.needs_set()) return std::nullopt;
    xml::Element holder("holder");
    add_set(holder, page, [&](std::size_t rank) {
        return item_cursor(broker, node, node.items.at(first + rank).revision);
    });
    return *holder.first_child();
}

}   // namespace grid::pubsub
