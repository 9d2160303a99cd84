// pubsub/pages/page.hpp: which part of a list goes into an answer (XEP-0059), and what the answer
// says of it.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pubsub/model/rights.hpp"
#include "xml/element.hpp"
#include "xml/rsm.hpp"

namespace grid::pubsub {

/// Ranks [from, to) of a list of `total`.
struct Page {
    std::size_t from = 0, to = 0, total = 0;
    bool is_asked = false;   // by the requester
    bool is_cut = false;     // to the most that a page has: there are more of those asked for

    /// `<set/>` is there when it was asked for, and whenever the answer is not the whole list.
    bool needs_set() const { return is_asked || to - from != total; }
};

/// Where a cursor is: the rank of the first entry behind it (`is_after`), or of the first that is
/// not before it. nullopt for a cursor that was never given out.
using FindCursor =
    std::function<std::optional<std::size_t>(std::string_view cursor, bool is_after)>;

/// Cursors name a place in the order, not an entry, so that a page goes on even when the entry it
/// ended with has gone. item-not-found for a malformed one (§2.2).
Checked<Page> find_page(
    const std::optional<xml::RsmRequest>& request,
    std::size_t total,
    std::size_t page_max,
    const FindCursor& find
);

/// For a list sorted by the cursor itself.
FindCursor by_text(const std::vector<std::string>& sorted);

/// Appends `<set/>` to `parent` if the page needs it.
void add_set(
    xml::Element& parent, const Page& page, const std::function<std::string(std::size_t)>& cursor_of
);

}   // namespace grid::pubsub
