// storage/schema.hpp: the store's own records: who wrote these files, in which format, how far.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "storage/batch.hpp"

namespace grid::storage {

/// Raised when a store of the previous version could be misread. Durable.
inline constexpr std::uint32_t schema_version = 1;

/// Keys of Control that begin with it belong to the store; no batch may touch them, no scan shows
/// them.
inline constexpr char reserved_prefix = '\0';
/// The first key that a scan of Control may show.
inline constexpr std::string_view first_control_key{"\x01", 1};

inline constexpr std::string_view header_key{"\0header", 7};
/// Written with every group: its record's revision and time are those of the last committed batch.
inline constexpr std::string_view head_key{"\0head", 5};
/// Revisions up to this one may have been given to volatile batches, of which nothing else is on
/// disk.
inline constexpr std::string_view given_key{"\0given", 6};
/// Where the clock was set back (clock_steps.hpp); absent: it never was.
inline constexpr std::string_view steps_key{"\0steps", 6};
/// The link of the last record in the audit family: what is missing at its end is seen by it.
inline constexpr std::string_view chain_key{"\0chain", 6};
/// In the store of a member of a cluster: the last group of the log that was applied, in the same
/// write as its changes. Its record's revision and time are that group's.
inline constexpr std::string_view group_key{"\0group", 6};

struct AppliedGroup {
    std::uint64_t number = 0;
    std::uint64_t term = 0;
    std::uint64_t leader = 0;   // that wrote it
};
std::string encode(const AppliedGroup& group);
std::optional<AppliedGroup> decode_applied_group(std::string_view value);

struct Header {
    std::uint32_t schema = schema_version;
    std::string store_id;      // 32 hex digits, drawn when the store is created
    std::uint64_t epoch = 1;   // raised by a restore
    std::string unicode_version;
};

std::string encode(const Header& header);
/// nullopt when the bytes are no header of any version. Of a newer version only `schema` is read.
std::optional<Header> decode_header(std::string_view value);
/// A new header with a random store id.
Header make_header(std::string unicode_version);

/// Every value on disk begins with the revision and the time of the batch that wrote it.
inline constexpr std::size_t stamp_bytes = 16;
std::string encode_stamp(Revision revision, Millis time);
/// nullopt when the value is too short to have been written by the store.
std::optional<Record> decode_record(std::string_view stored);

}   // namespace grid::storage
