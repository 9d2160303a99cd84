// controller/audit/query.hpp: reading the audit from a snapshot, newest first, a page at a time.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "controller/audit/position.hpp"
#include "controller/audit/record.hpp"
#include "storage/chain.hpp"
#include "storage/store.hpp"

namespace grid::controller::audit {

struct Filter {
    std::optional<storage::Millis> from, to;   // when it happened, both included
    std::string account;                       // bare JID: acted, or was acted on
    std::string topic, operation;
    std::optional<Outcome> outcome;
    std::string after;   // cursor of an earlier page
    std::size_t max = 100;
};

struct Entry {
    std::string id;             // revision and index as hex: the cursor
    storage::Millis time = 0;   // when it happened, of several the first time
    storage::Millis last = 0;   // and the last
    Record record;
    storage::Link link;   // number 0: from before there was a chain
};

struct Page {
    std::vector<Entry> entries;
    std::string next;   // empty: there is nothing more
};

/// The entry, unless the record is of no known version.
std::optional<Entry> entry_of(std::string_view key, const storage::Record& stored);

/// How many records one request looks at; a page may be short, or empty, and still have a cursor.
inline constexpr std::size_t looked_at_max = 50'000;

/// Runs on the reader pool. A cursor that is none is an error.
storage::Result<Page> search(const storage::Snapshot& snapshot, const Filter& filter);
bool is_cursor(std::string_view text);

}   // namespace grid::controller::audit
