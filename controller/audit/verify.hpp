// controller/audit/verify.hpp: does every record still follow from the one before it?
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "storage/chain.hpp"
#include "storage/store.hpp"

namespace grid::controller::audit {

/// A place that the chain must pass through, as an earlier log line or a witness has it.
struct Passage {
    std::uint64_t number = 0;
    storage::Hash hash{};
};
std::optional<Passage> parse_passage(std::string_view number, std::string_view hash);

struct Check {
    std::string after;   // cursor of an earlier part, whose last record is known to be right
    std::size_t max = 100'000;
    std::optional<Passage> passes;
};

/// The first link that does not hold.
struct Break {
    std::string id;             // of the record; empty: there is none where one should be
    std::uint64_t number = 0;   // the record's place in the chain
    std::string text;
};

/// A record that earlier versions lost when they joined two changes: the hashes prove what it said,
/// and that nothing else is missing.
struct Loss {
    std::string id;             // of the record that took its place
    std::uint64_t number = 0;   // of the lost one
    std::string text;
};

struct Verified {
    std::optional<Break> broken;
    std::vector<Loss> lost;   // the first of them
    std::uint64_t lost_count = 0;
    std::uint64_t checked = 0;    // records whose links hold
    std::uint64_t unlinked = 0;   // from before there was a chain
    std::uint64_t cut = 0;        // number up to which retention cut, on record
    std::uint64_t kept = 0;       // records before it that were kept, and are unchanged
    storage::Link head;           // of the last record looked at
    std::string head_id;
    storage::Millis head_time = 0;
    bool has_passed = false;   // the passage was met
    std::string next;          // cursor; empty: this was the end
};

/// Runs on the reader pool, or on the files of a store that is not running. An error is a failed
/// read, or Conflict: the cursor's record was cut meanwhile.
storage::Result<Verified> verify(const storage::Snapshot& snapshot, const Check& check);

/// The link of the last record; number 0: there is none.
storage::Result<storage::Link> head_of(const storage::Snapshot& snapshot);

}   // namespace grid::controller::audit
