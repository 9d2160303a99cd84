// storage/log_check.hpp: reads the write-ahead log before RocksDB does, to tell a torn end from a
// loss.
#pragma once

#include <rocksdb/env.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace grid::storage {

/// RocksDB replays a log up to the first damage and drops the rest in silence, or refuses every
/// damage. Neither is right. Since a group is synced before the next one is written, only the last
/// record can be one that nobody was told of. It may be cut short, and its pages may have reached
/// the disk in any order. Where another record begins behind the damage and does not continue at
/// the number before it, commits that were acknowledged are gone.
class LogCheck {
public:
    enum class State { Whole, TornEnd, Hole };

    /// Reads all logs in the directory, oldest first. They must not be written meanwhile.
    static rocksdb::Status run(rocksdb::Env& env, const std::string& directory, LogCheck* result);
    State state() const;
    /// Where the hole is, in RocksDB's sequence numbers.
    std::string detail() const;

    void begin_file();
    /// A block of 32 KiB, or what there is of it at the end of the file.
    void block(std::string_view bytes);
    void end_file();

private:
    void record(char type, std::string_view payload);
    void judge();

    bool lost_ = false, hole_ = false, assembling_ = false, judged_ = false;
    std::string batch_head_;                  // sequence and count of the batch being assembled
    std::optional<std::uint64_t> expected_;   // sequence of the next batch
    std::uint64_t found_ = 0;
};

}   // namespace grid::storage
