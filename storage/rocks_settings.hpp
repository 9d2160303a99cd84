// storage/rocks_settings.hpp: settings of the store on RocksDB.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "storage/batch.hpp"
#include "storage/errors.hpp"

namespace rocksdb {
class FileSystem;
}

namespace grid::storage {

enum class LogLevel { Warn, Error };

/// Called from any thread, also while the store is being opened and closed.
using LogSink = std::function<void(LogLevel, std::string_view text)>;

struct RocksSettings {
    /// The directory of the store; it is created when missing.
    std::string path;
    /// A group is refused with NoSpace while the volume has less than this, or less than four times
    /// all write buffers, whichever is more.
    std::uint64_t free_bytes_min = 512ull * 1024 * 1024;
    /// One write and one sync for at most so many batches, or for the first batch that passes so
    /// many bytes.
    std::size_t group_batches_max = 512;
    std::size_t group_bytes_max = 4 * 1024 * 1024;
    /// submit() returns false above this, unless nothing is queued.
    std::size_t queue_bytes_max = 64 * 1024 * 1024;
    unsigned reader_threads = 2;
    /// Tables that are kept open; with logs and directories the store has some 32 files more.
    int open_files_max = 512;
    /// Version of the Unicode tables that addresses are prepared with; kept in the header.
    std::string unicode_version;
    LogSink log;   // RocksDB's own log goes here too, never into a file on the data volume

    // For tests. Empty: the system's clock, the volume's free bytes, the real files.
    std::function<Millis()> clock;
    std::function<Result<std::uint64_t>(const std::string& path)> free_bytes;
    std::shared_ptr<rocksdb::FileSystem> file_system;
};

/// The least that `free_bytes_min` counts as: four times all write buffers.
std::uint64_t free_bytes_least();

}   // namespace grid::storage
