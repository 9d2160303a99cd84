// pubsub/decide/archive.hpp: the archive of a node (XEP-0313, XEP-0442): requests, and which
// items match.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pubsub/pages/page.hpp"
#include "pubsub/reply.hpp"
#include "pubsub/requests/parse.hpp"
#include "pubsub/requests/requests.hpp"

namespace grid::pubsub {

/// Whether there is anything to query, now or later.
inline bool has_archive(const Node& node) {
    return node.config().persist_items && !node.config().is_collection();
}

/// The items of a node that a query asks for, in their order: a run of ranks, or single ones.
struct ArchiveMatch {
    std::size_t from = 0, to = 0;   // ranks, when there are no single ones
    std::vector<std::size_t> ranks;
    bool is_single = false;

    std::size_t size() const { return is_single ? ranks.size() : to - from; }
    std::size_t rank(std::size_t index) const { return is_single ? ranks[index] : from + index; }
};

// The wire form of every archive (XEP-0313 §4.1.5, §5).

/// The form with the fields of a query, in `<query/>`.
Reply archive_form();
/// `complete` when the page has all that was asked for.
xml::Element archive_fin(
    const Page& page, const std::function<std::string(std::size_t index)>& cursor
);
/// The message with one archived message.
xml::Element archive_result(
    std::string_view id, std::string_view queryid, storage::Millis time, xml::Element message
);

/// The node's kept items (from rank `first` on) that match: pubsub/decide/archive.cpp.
/// item-not-found for an id that is not, or no longer, in the archive (place_of).
Checked<ArchiveMatch> match_archive(
    const BrokerState& broker, const Node& node, std::size_t first, const QueryArchive& query
);
/// The part of it that goes into one answer, by RSM and by the bytes of the payloads.
Checked<Page> page_of_archive(
    const BrokerState& broker,
    const Node& node,
    std::size_t first,
    const ArchiveMatch& match,
    const std::optional<xml::RsmRequest>& request
);

}   // namespace grid::pubsub
