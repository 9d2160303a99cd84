// storage/batch.hpp: one change of durable state: its writes, its expectations, its event.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace grid::storage {

/// Number of a committed batch: strictly increasing, never reused, 0 is "none".
using Revision = std::uint64_t;
/// Milliseconds since 1970-01-01T00:00:00Z, by the wall clock. As they are read, commit times never
/// go back along the revisions (clock_steps.hpp).
using Millis = std::int64_t;

/// Which column family a key lives in. Control is small and may live in a distributed engine; the
/// others are bulk. Control and Index are scanned at start, Payload and Audit are read from disk
/// only. These values are durable: DO NOT CHANGE THEM.
enum class Family : std::uint8_t { Control = 0, Index = 1, Payload = 2, Audit = 3 };
inline constexpr std::size_t family_count = 4;

/// One key written or erased.
struct Write {
    Family family = Family::Control;
    bool erase = false;
    std::string key;
    std::string value;
    /// Where in `key` the store writes its revision (8 bytes, big endian); -1 for nowhere.
    std::int32_t revision_at = -1;
    /// A second such place, for a key that names two things which this batch makes.
    std::int32_t also_revision_at = -1;
};

/// "This key was last written at that revision", 0 for "this key does not exist".
struct Expectation {
    Family family = Family::Control;
    std::string key;
    Revision revision = 0;
};

/// Bounds of a batch (anything larger is one gate change plus background batches).
inline constexpr std::size_t batch_operations_max = 128;
inline constexpr std::size_t batch_bytes_max = 1024 * 1024 + 64 * 1024;   // a payload of 1 MiB fits

struct Batch {
    std::vector<Write> operations;
    std::vector<Expectation> expectations;
    /// The meaning of the change, encoded by the subsystem that decided it: first byte its tag
    /// (storage/keys.hpp). The store carries it to the feed and keeps nothing of it.
    std::string event;
    /// Not written, not replayed; same queue, same gates, same place in the feed.
    bool is_volatile = false;

    Batch& put(Family family, std::string key, std::string value);
    /// A put whose key has 8 placeholder bytes at `revision_at`.
    Batch& put_at_revision(
        Family family, std::string key, std::int32_t revision_at, std::string value
    );
    Batch& erase(Family family, std::string key);
    /// Erases the audit records after `from`, up to `to` and with it. `from` empty: from the first.
    Batch& cut(std::string from, std::string to);
    Batch& expect(Family family, std::string key, Revision revision);
    std::size_t bytes() const;
};

/// The content of a key: the value and the batch that wrote it.
struct Record {
    Revision revision = 0;
    Millis time = 0;
    std::string_view value;
};

/// One key change as memory sees it, in commit order, or during a scan. `record` is empty for an
/// erase.
struct KeyChange {
    Family family = Family::Control;
    std::string_view key;
    std::optional<Record> record;
};

}   // namespace grid::storage
