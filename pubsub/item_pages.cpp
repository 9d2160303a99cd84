// pubsub/item_pages.cpp: see item_pages.hpp.
#include "pubsub/item_pages.hpp"

#include <algorithm>
#include <charconv>

namespace grid::pubsub {

std::string item_cursor(std::uint64_t epoch, storage::Revision revision) {
    return std::to_string(epoch) + ':' + std::to_string(revision);
}

std::optional<ItemPlace> parse_item_cursor(std::string_view text) {
    ItemPlace place;
    const char* const end = text.data() + text.size();
    const auto [colon, bad_epoch] = std::from_chars(text.data(), end, place.epoch);
    if (bad_epoch != std::errc() || colon == end || *colon != ':') return std::nullopt;
    const auto [rest, bad_revision] = std::from_chars(colon + 1, end, place.revision);
    if (bad_revision != std::errc() || rest != end) return std::nullopt;
    return place;
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
    std::size_t first,
    const std::optional<xml::RsmRequest>& request,
    std::optional<std::uint64_t> max_items,
    bool has_payloads
) {
    const std::size_t total = node.items.size() - first;
    const auto find = [&](std::string_view cursor, bool is_after) -> std::optional<std::size_t> {
        const auto place = parse_item_cursor(cursor);
        if (!place) return std::nullopt;
        if (place->epoch != node.epoch())   // from before a purge: all that is here is newer
            return place->epoch < node.epoch() ? 0 : total;
        const storage::Revision up_to =
            is_after || place->revision == 0 ? place->revision : place->revision - 1;
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
        // Who asked for three and got three needs no <set/>.
        if (*max_items <= most) page->total = page->to - page->from;
    }
    if (has_payloads)
        limit_page_bytes(*page, broker.settings.page_bytes_max, is_tail, [&](std::size_t rank) {
            return node.items.at(first + rank).payload_bytes;
        });
    return page;
}

std::optional<xml::Element> set_of_items(const Node& node, std::size_t first, const Page& page) {
    if (!page.needs_set()) return std::nullopt;
    xml::Element holder("holder");
    add_set(holder, page, [&](std::size_t rank) {
        return item_cursor(node.epoch(), node.items.at(first + rank).revision);
    });
    return *holder.first_child();
}

}   // namespace grid::pubsub
