// pubsub/decide/history.hpp: the history of a node in one go: which items, and their payloads a
// piece at a time, whatever their number.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pubsub/errors.hpp"
#include "pubsub/model/records.hpp"
#include "pubsub/model/state.hpp"
#include "pubsub/request.hpp"

namespace grid::pubsub {

/// The part of a node's history that is asked for.
struct HistoryWish {
    std::string node;
    /// Of publication; both are included. Without `end`: what is there when it is opened.
    std::optional<storage::Millis> start, end;
    std::string filter;   // in its text form; empty: all items
    std::string after;    // a cursor of an earlier answer; empty: from the beginning

    bool operator==(const HistoryWish&) const = default;
};

/// The history as it was when it was opened: the items whose places are in (after, until].
struct HistoryView {
    std::uint64_t node = 0;    // that was asked for
    std::uint64_t items = 0;   // the node whose items these are: itself, or the topic of a subtopic
    std::uint64_t epoch = 0;   // of the items: a purge ends it
    storage::Revision after = 0, until = 0;
    std::size_t count = 0;                           // in that span, whatever the filter
    std::optional<storage::Millis> oldest, newest;   // of them
    bool shows_publishers = false;
    std::shared_ptr<const PayloadTest> test;   // null: all of them
};

/// References to the next items, without their payloads.
struct HistorySlice {
    struct Item {
        std::uint32_t id_at = 0, id_bytes = 0;   // in `ids`
        std::uint32_t publisher = 0;             // in `publishers`
        storage::Revision revision = 0;
        storage::Millis time = 0;
        bool has_payload = false;
        std::string cursor;
    };
    std::vector<Item> items;
    std::string ids;
    std::vector<std::string> publishers{{}};   // the first: not shown
    storage::Revision after = 0;               // up to there all was looked at
    std::string cursor;                        // of that place
    bool is_end = false;                       // there is no further one
    bool is_gone = false;                      // the node was deleted or purged

    std::string_view id_of(const Item& item) const {
        return std::string_view(ids).substr(item.id_at, item.id_bytes);
    }
};

/// The node's own rules for the retrieval of items (XEP-0060 §6.5); the policy was asked already.
/// item-not-found for a node that is not there for the actor, and for a cursor that is none here or
/// whose following items are not kept any more. Core strand.
Checked<HistoryView> open_history(
    const BrokerState& broker, const Context& context, const HistoryWish& wish
);
/// The next items behind that place, kept at `now`, shown or hidden: at most so many, and so many
/// bytes of payload, but one at least. Items that were retracted or published again since it was
/// opened are not among them. Core strand.
HistorySlice slice_of_history(
    const BrokerState& broker,
    const HistoryView& view,
    storage::Revision after,
    std::size_t items_max,
    std::size_t bytes_max,
    storage::Millis now
);

/// Reads payloads of a slice from its item `from` on, and shows those that pass the filter, until
/// `visit` returns false. The index behind the last one that was looked at, or the fault. Any
/// thread.
using HistoryVisit = std::function<bool(const HistorySlice::Item& item, std::string_view payload)>;
Checked<std::size_t> read_history(
    const storage::Snapshot& snapshot,
    const HistoryView& view,
    const HistorySlice& slice,
    std::size_t from,
    const PayloadFaults& faults,
    const HistoryVisit& visit
);

}   // namespace grid::pubsub
