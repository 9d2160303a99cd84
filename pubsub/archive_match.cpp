// pubsub/archive_match.cpp: which items an archive query means, and which page of them.
#include <algorithm>

#include "pubsub/archive.hpp"
#include "pubsub/errors.hpp"
#include "pubsub/item_pages.hpp"

namespace grid::pubsub {

namespace {

/// More items than these are not looked at one by one, so that no other request waits for that.
constexpr std::size_t looked_at_max = 100'000;

xml::StanzaError no_such_id(const std::string& id) {
    return refuse(Errc::ItemNotFound, "'" + id + "' is not, or no longer, in this archive.");
}

/// §4.1.3: each of them must be there.
Checked<std::vector<std::size_t>> by_ids(
    const Broker& broker, const Node& node, std::size_t first, const std::vector<std::string>& ids
) {
    std::vector<std::size_t> ranks;
    for (const std::string& id : ids) {
        const auto place = place_of(broker, node, first, id);
        if (!place) return place.error();
        const std::size_t behind = node.items.rank_after(*place);
        if (behind <= first || node.items.at(behind - 1).revision != *place) return no_such_id(id);
        ranks.push_back(behind - 1);
    }
    std::sort(ranks.begin(), ranks.end());
    ranks.erase(std::unique(ranks.begin(), ranks.end()), ranks.end());
    return ranks;
}

/// §4.1.1: the publisher, for those who would be told of it; else nothing matches.
Checked<std::vector<std::size_t>> by_publisher(
    const Broker& broker, const Node& node, const ArchiveMatch& match, const xml::Jid& with
) {
    std::vector<std::size_t> ranks;
    if (node.config().itemreply != ItemReply::Publisher || !with.is_bare()) return ranks;
    if (match.size() > looked_at_max)
        return refuse(Errc::PolicyViolation, "'with' takes a narrower 'start' and 'end' here.");
    for (std::size_t i = 0; i < match.size(); ++i)
        if (broker.memory.publisher(node.items.at(match.rank(i))) == with.str())
            ranks.push_back(match.rank(i));
    return ranks;
}

}   // namespace

Checked<ArchiveMatch> match_archive(
    const Broker& broker, const Node& node, std::size_t first, const QueryArchive& query
) {
    const Items& items = node.items;
    ArchiveMatch match{first, items.size(), {}, false};
    if (query.start) match.from = std::max(match.from, items.rank_at_time(*query.start));
    if (query.end) match.to = std::min(match.to, items.rank_at_time(*query.end + 1));
    if (query.after_id) {
        const auto place = place_of(broker, node, first, *query.after_id);
        if (!place) return place.error();
        match.from = std::max(match.from, items.rank_after(*place));
    }
    if (query.before_id) {
        const auto place = place_of(broker, node, first, *query.before_id);
        if (!place) return place.error();
        match.to = std::min(match.to, items.rank_after(*place - 1));
    }
    match.to = std::max(match.from, match.to);
    if (query.ids) {
        auto ranks = by_ids(broker, node, first, *query.ids);
        if (!ranks) return ranks.error();
        for (std::size_t rank : *ranks)
            if (rank >= match.from && rank < match.to) match.ranks.push_back(rank);
        match.is_single = true;
    }
    if (query.with) {
        auto ranks = by_publisher(broker, node, match, *query.with);
        if (!ranks) return ranks.error();
        match.ranks = std::move(*ranks);
        match.is_single = true;
    }
    return match;
}

Checked<Page> page_of_archive(
    const Broker& broker,
    const Node& node,
    std::size_t first,
    const ArchiveMatch& match,
    const std::optional<xml::RsmRequest>& request
) {
    // §5.2.2: "If the UID … is not present in the archive".
    if (auto error = check_cursors(broker, node, first, request)) return *error;
    const auto find = [&](std::string_view cursor, bool is_after) -> std::optional<std::size_t> {
        const auto place = place_of(broker, node, first, cursor);
        if (!place) return std::nullopt;
        const std::size_t rank = node.items.rank_after(is_after ? *place : *place - 1);
        if (!match.is_single) return std::clamp(rank, match.from, match.to) - match.from;
        const auto at = std::lower_bound(match.ranks.begin(), match.ranks.end(), rank);
        return static_cast<std::size_t>(at - match.ranks.begin());
    };
    auto page = find_page(request, match.size(), broker.settings.page_max, find);
    if (!page) return page;
    const bool is_tail = request && request->before;
    std::size_t bytes = 0, count = 0;
    for (; count < page->to - page->from; ++count) {
        const std::size_t index = is_tail ? page->to - 1 - count : page->from + count;
        bytes += node.items.at(match.rank(index)).payload_bytes;
        if (bytes > broker.settings.page_bytes_max && count > 0) break;
    }
    if (is_tail)
        page->from = page->to - count;
    else
        page->to = page->from + count;
    return page;
}

}   // namespace grid::pubsub
