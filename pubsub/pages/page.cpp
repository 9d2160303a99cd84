// pubsub/pages/page.cpp: result set management on anything that has ranks.
#include "pubsub/pages/page.hpp"

#include <algorithm>

#include "pubsub/errors.hpp"

namespace grid::pubsub {

namespace {
xml::StanzaError no_such_cursor(const std::string& cursor) {
    return refuse(Errc::ItemNotFound, "'" + cursor + "' is not from this list; start again.");
}
}   // namespace

Checked<Page> find_page(
    const std::optional<xml::RsmRequest>& request,
    std::size_t total,
    std::size_t page_max,
    const FindCursor& find
) {
    Page page{0, total, total, request.has_value()};
    std::size_t most = page_max;
    if (!request) {
        page.to = std::min(total, most);
        page.is_cut = page.to < total;
        return page;
    }
    if (request->max) most = std::min<std::size_t>(most, *request->max);
    if (request->index) page.from = std::min<std::size_t>(*request->index, total);
    if (request->after) {
        const auto rank = find(*request->after, true);
        if (!rank) return no_such_cursor(*request->after);
        page.from = *rank;
    }
    if (request->before && !request->before->empty()) {
        const auto rank = find(*request->before, false);
        if (!rank) return no_such_cursor(*request->before);
        page.to = std::max(*rank, page.from);
    }
    if (page.to - page.from <= most) return page;
    page.is_cut = true;
    if (request->before)   // the last ones before the cursor; of all with an empty <before/> (§2.5)
        page.from = page.to - most;
    else
        page.to = page.from + most;
    return page;
}

FindCursor by_text(const std::vector<std::string>& sorted) {
    return [&sorted](std::string_view cursor, bool is_after) -> std::optional<std::size_t> {
        const auto at = is_after ? std::upper_bound(sorted.begin(), sorted.end(), cursor)
                                 : std::lower_bound(sorted.begin(), sorted.end(), cursor);
        return static_cast<std::size_t>(at - sorted.begin());
    };
}

void add_set(
    xml::Element& parent, const Page& page, const std::function<std::string(std::size_t)>& cursor_of
) {
    if (!page.needs_set()) return;
    xml::RsmReply reply;
    reply.count = page.total;
    if (page.from < page.to) {
        reply.first = cursor_of(page.from);
        reply.last = cursor_of(page.to - 1);
        reply.first_index = page.from;
    }
    parent.add(reply.to_element());
}

}   // namespace grid::pubsub
