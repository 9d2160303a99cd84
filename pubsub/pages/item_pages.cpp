// pubsub/pages/item_pages.cpp: see pubsub/pages/item_pages.hpp.
#include "pubsub/pages/item_pages.hpp"

#include <algorithm>

#include "pubsub/errors.hpp"
#include "xml/form.hpp"

namespace grid::pubsub {

std::string item_cursor(const BrokerState& broker, const Node& node, storage::Revision revision) {
    return broker.memory.cursors().place(node.uid, revision);
}

Checked<storage::Revision> place_of(
    const BrokerState& broker, const Node& node, std::size_t kept, std::string_view cursor
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
    const BrokerState& broker,
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
    page.is_cut = page.is_cut || kept < page.to - page.from;
    if (is_tail)
        page.from = page.to - kept;
    else
        page.to = page.from + kept;
}

Checked<Page> page_of_items(
    const BrokerState& broker,
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
    const BrokerState& broker, const Node& node, std::size_t first, const Page& page
) {
    if (!page.needs_set()) return std::nullopt;
    xml::Element holder("holder");
    add_set(holder, page, [&](std::size_t rank) {
        return item_cursor(broker, node, node.items.at(first + rank).revision);
    });
    return *holder.first_child();
}

// See pubsub/pages/item_pages.hpp.

namespace {

/// The items from rank `first` on, ascending by the key of the order.
class Ascending {
public:
    Ascending(const Node& node, std::size_t first, bool is_by_creation)
        : items_(node.items), first_(first), size_(node.items.size() - first) {
        if (!is_by_creation || !items_.has_replaced()) return;
        sorted_ = &items_.by_creation();
        if (first == 0) return;
        // Hidden items stand between those that are shown.
        shown_.reserve(size_);
        const storage::Revision oldest = first < items_.size() ? items_.at(first).revision : 0;
        for (const auto& entry : *sorted_)
            if (size_ > 0 && entry.second >= oldest) shown_.push_back(entry);
        sorted_ = &shown_;
    }
    Ascending(const Ascending&) = delete;

    std::size_t size() const { return size_; }
    /// Only the last ones.
    void narrow(std::uint64_t most) {
        if (size_ <= most) return;
        const auto beyond = static_cast<std::ptrdiff_t>(size_ - static_cast<std::size_t>(most));
        if (sorted_) {
            shown_ = std::vector(sorted_->begin() + beyond, sorted_->end());
            sorted_ = &shown_;
        }
        first_ += static_cast<std::size_t>(beyond);
        size_ = static_cast<std::size_t>(most);
    }
    std::size_t rank(std::size_t at) const {
        return sorted_ ? items_.rank_after((*sorted_)[at].second) - 1 : first_ + at;
    }
    storage::Revision key(std::size_t at) const {
        return sorted_ ? (*sorted_)[at].first : items_.at(first_ + at).revision;
    }
    std::size_t count_up_to(storage::Revision key) const {
        if (!sorted_) return std::max(items_.rank_after(key), first_) - first_;
        const auto behind = std::partition_point(
            sorted_->begin(), sorted_->end(), [&](const auto& entry) { return entry.first <= key; }
        );
        return static_cast<std::size_t>(behind - sorted_->begin());
    }

private:
    const Items& items_;
    std::size_t first_, size_;
    const Items::CreationOrder* sorted_ = nullptr;   // null: as the items are
    Items::CreationOrder shown_;
};

Checked<ItemOrder> parse_order(const xml::Element& element) {
    ItemOrder order;
    const std::string_view by = element.attr_or("by", "");
    order.is_by_creation = by == "creation";
    if (!order.is_by_creation && by != "modification")
        return unsupported("order-by", "Items are ordered by creation or by modification.");
    const auto is_descending = xml::parse_boolean(element.attr_or("desc", "false"));
    if (!is_descending) return refuse(Errc::BadRequest, "desc must be 0, 1, false or true.");
    order.is_descending = *is_descending;
    return order;
}

}   // namespace

Checked<std::optional<ItemOrder>> parse_item_order(const xml::Element& pubsub) {
    std::optional<ItemOrder> first;
    for (const xml::Element* child : pubsub.children()) {
        if (!child->is("order", order_by_ns)) continue;
        auto order = parse_order(*child);
        if (!order) return order.error();
        if (!first) first = *order;
    }
    return first;
}

Checked<OrderedPage> page_in_order(
    const BrokerState& broker,
    const Node& node,
    Shown shown,
    const ItemOrder& order,
    const std::optional<xml::RsmRequest>& request,
    std::optional<std::uint64_t> max_items
) {
    const bool has_to_sort = order.is_by_creation && node.items.has_replaced();
    if (has_to_sort && node.items.size() > Items::ordered_max)
        return refuse(
            Errc::PolicyViolation,
            "This node has too many items for that order: by modification "
            "they come in pages of any number."
        );
    if (auto error = check_cursors(broker, node, order.is_by_creation ? 0 : shown.kept, request))
        return *error;
    Ascending items(node, shown.first, order.is_by_creation);
    if (request && max_items) items.narrow(*max_items);   // pages of the newest ones
    const std::size_t total = items.size();
    const auto ascending = [&](std::size_t at) {
        return order.is_descending ? total - 1 - at : at;
    };
    const auto find = [&](std::string_view cursor, bool is_after) -> std::optional<std::size_t> {
        const auto place = broker.memory.cursors().find_place(node.uid, cursor);
        if (!place) return std::nullopt;
        const storage::Revision key = *place;
        const bool is_inclusive = is_after != order.is_descending;
        const std::size_t up_to = items.count_up_to(is_inclusive || key == 0 ? key : key - 1);
        return order.is_descending ? total - up_to : up_to;
    };
    auto page = find_page(request, total, broker.settings.page_max, find);
    if (!page) return page.error();
    bool is_tail = request && request->before;
    if (!request && max_items) {
        const auto most = static_cast<std::size_t>(
            std::min<std::uint64_t>({*max_items, broker.settings.page_max, total})
        );
        is_tail = !order.is_descending;
        page->from = is_tail ? total - most : 0;
        page->to = page->from + most;
        if (*max_items <= broker.settings.page_max) page->total = most;
    }
    const auto bytes_at = [&](std::size_t at) {
        return node.items.at(items.rank(ascending(at))).payload_bytes;
    };
    limit_page_bytes(*page, broker.settings.page_bytes_max, is_tail, bytes_at);
    OrderedPage out;
    for (std::size_t at = page->from; at < page->to; ++at)
        out.ranks.push_back(items.rank(ascending(at)));
    if (!page->needs_set()) return out;
    xml::Element holder("holder");
    add_set(holder, *page, [&](std::size_t at) {
        return item_cursor(broker, node, items.key(ascending(at)));
    });
    out.set = *holder.first_child();
    return out;
}

}   // namespace grid::pubsub
