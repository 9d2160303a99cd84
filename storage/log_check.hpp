// storage/log_check.hpp: reads the log before RocksDB does, to tell a torn end from a loss.
#pragma once

#include <rocksdb/env.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace grid::storage {

/// RocksDB replays a log up to the first damage and drops the rest in silence, or refuses every
/// damage. Neither is right. Since a group is synced before the next one is written, only the last
/// record can be one that was not acknowledged. That record may be cut short, and its pages may
/// have reached the disk in any order. But where a record begins, everything before it was
/// acknowledged: a replay that ends earlier has lost something.
class LogCheck {
public:
    /// Reads all logs in the directory, oldest first. They must not be written meanwhile.
    static rocksdb::Status run(rocksdb::Env& env, const std::string& directory, LogCheck* result);
    bool is_damaged() const { return is_damaged_; }
    /// A record begins behind zeros: what was there is lost, and a replay would go over it in
    /// silence.
    bool has_gap() const { return has_gap_; }
    /// A gap is before all records that could be read.
    bool begins_with_gap() const { return begins_with_gap_; }
    /// A replay must come up to this sequence number, the last before the last record that begins.
    std::uint64_t acknowledged() const { return last_begin_ == 0 ? 0 : last_begin_ - 1; }

    /// A block of 32 KiB, or what there is of it at the end of the file.
    void block(std::string_view bytes);
    void end_file();

private:
    void record(char type, std::string_view payload);

    bool is_damaged_ = false, has_gap_ = false, begins_with_gap_ = false, assembling_ = false;
    bool is_ended_ = false;   // this file, by zeros
    std::string sequence_;    // of the batch being assembled, as far as it was read
    std::uint64_t last_begin_ = 0;
};

}   // namespace grid::storage
