// storage/log_group.hpp: a decided group of batches as the log of a cluster carries it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/chain.hpp"
#include "storage/clock_steps.hpp"
#include "storage/store.hpp"

namespace grid::storage {

/// One start of one member of a cluster, drawn at random when it starts; 0: none.
using MemberId = std::uint64_t;

/// A batch of a group: decided, with the revisions in its keys and the links of its audit records.
struct LogEntry {
    MemberId origin = 0;        // the member that submitted it
    std::uint64_t number = 0;   // of the batch among those of that member, from 1
    Ticket ticket = 0;          // the origin's name for it
    Revision revision = 0;
    Millis time = 0;
    Batch batch;   // without expectations: they were checked
};

/// The content of one transaction of the log. A group without entries marks the beginning of a
/// term.
struct LogGroup {
    std::uint64_t term = 0;   // of the leader that wrote it; raised by each new leader
    MemberId leader = 0;
    Revision before = 0;   // the head that it follows
    Revision head = 0;     // of its last entry, or `before`
    Millis time = 0;
    Link link;   // of the last audit record, after it
    ClockSteps steps;
    /// Of the store that all members have, in groups that begin a term; empty and 0 in others.
    std::string store_id;
    std::uint64_t epoch = 0;
    std::vector<LogEntry> entries;
};

std::string encode(const LogGroup& group);
/// nullopt when the bytes are no group of this version, are cut off, or are not those that were
/// written.
std::optional<LogGroup> decode_log_group(std::string_view bytes);

}   // namespace grid::storage
