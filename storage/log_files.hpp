// storage/log_files.hpp: files of the write-ahead log that have their size before it is needed.
#pragma once

#include <rocksdb/file_system.h>

#include <memory>
#include <string>

namespace grid::storage {

/// The files of `target`, of which those of the log (`NUMBER.log`) are written ahead with zeros.
///
/// A file that grows has a new size after each append, which a sync writes as well: a second,
/// slower write. Zeros are overwritten in place, and a sync writes the bytes alone (about half the
/// time on ext4). A file that was closed has its true size; after a crash zeros are left at its
/// end, which RocksDB skips and LogCheck knows.
class LogFiles final : public rocksdb::FileSystemWrapper {
public:
    explicit LogFiles(const std::shared_ptr<rocksdb::FileSystem>& target)
        : FileSystemWrapper(target) {}
    static const char* kClassName() { return "GriddLogFiles"; }
    const char* Name() const override { return kClassName(); }

    rocksdb::IOStatus NewWritableFile(
        const std::string& name,
        const rocksdb::FileOptions& options,
        std::unique_ptr<rocksdb::FSWritableFile>* result,
        rocksdb::IODebugContext* dbg
    ) override;
};

/// Whether a file of RocksDB with that name, without a directory, belongs to its log.
bool is_log_file(const std::string& name);

}   // namespace grid::storage
