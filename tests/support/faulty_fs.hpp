// tests/support/faulty_fs.hpp: files that forget what was not synced, and that fail on command.
#pragma once

#include <rocksdb/file_system.h>

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace grid::test {

/// A file system on real files in which bytes that were not synced live in the memory of this
/// process only, and a new or renamed file has its name only once its directory was synced (until
/// then it is "NAME.held"). So kill -9 at any moment leaves exactly what a power loss would leave
/// at the worst. Deleting takes effect at once. The process itself sees what it wrote, as through a
/// page cache.
class FaultyFs final : public rocksdb::FileSystemWrapper {
public:
    FaultyFs() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}
    static const char* kClassName() { return "FaultyFs"; }
    const char* Name() const override { return kClassName(); }

    /// Power loss without a restart: unsynced bytes and names are gone, open files are dead.
    void lose_unsynced();

    /// After a failed sync the bytes may be on disk all the same, or not.
    enum class Bytes { Landed, Lost };
    /// The next `count` syncs of files whose name ends with `suffix` fail.
    void fail_syncs(int count, Bytes bytes, std::string suffix = ".log");
    /// The next `count` appends fail and write nothing.
    void fail_appends(int count, rocksdb::IOStatus with, std::string suffix = ".log");
    /// Syncs so far of files whose name ends with ".log": of the write-ahead log.
    std::uint64_t log_syncs() const { return log_syncs_; }
    /// How many bytes would be lost now.
    std::size_t unsynced_bytes() const;

    rocksdb::IOStatus NewWritableFile(
        const std::string& name,
        const rocksdb::FileOptions& options,
        std::unique_ptr<rocksdb::FSWritableFile>* result,
        rocksdb::IODebugContext* dbg
    ) override;
    rocksdb::IOStatus NewSequentialFile(
        const std::string& name,
        const rocksdb::FileOptions& options,
        std::unique_ptr<rocksdb::FSSequentialFile>* result,
        rocksdb::IODebugContext* dbg
    ) override;
    rocksdb::IOStatus NewRandomAccessFile(
        const std::string& name,
        const rocksdb::FileOptions& options,
        std::unique_ptr<rocksdb::FSRandomAccessFile>* result,
        rocksdb::IODebugContext* dbg
    ) override;
    rocksdb::IOStatus NewDirectory(
        const std::string& name,
        const rocksdb::IOOptions& options,
        std::unique_ptr<rocksdb::FSDirectory>* result,
        rocksdb::IODebugContext* dbg
    ) override;
    rocksdb::IOStatus FileExists(
        const std::string& name, const rocksdb::IOOptions& options, rocksdb::IODebugContext* dbg
    ) override;
    rocksdb::IOStatus GetChildren(
        const std::string& directory,
        const rocksdb::IOOptions& options,
        std::vector<std::string>* result,
        rocksdb::IODebugContext* dbg
    ) override;
    rocksdb::IOStatus GetChildrenFileAttributes(
        const std::string& directory,
        const rocksdb::IOOptions& options,
        std::vector<rocksdb::FileAttributes>* result,
        rocksdb::IODebugContext* dbg
    ) override;
    rocksdb::IOStatus GetFileSize(
        const std::string& name,
        const rocksdb::IOOptions& options,
        std::uint64_t* size,
        rocksdb::IODebugContext* dbg
    ) override;
    rocksdb::IOStatus GetFileModificationTime(
        const std::string& name,
        const rocksdb::IOOptions& options,
        std::uint64_t* time,
        rocksdb::IODebugContext* dbg
    ) override;
    rocksdb::IOStatus DeleteFile(
        const std::string& name, const rocksdb::IOOptions& options, rocksdb::IODebugContext* dbg
    ) override;
    rocksdb::IOStatus RenameFile(
        const std::string& from,
        const std::string& to,
        const rocksdb::IOOptions& options,
        rocksdb::IODebugContext* dbg
    ) override;
    // A call that a store does not use has no place to forget bytes, so it is refused.
    rocksdb::IOStatus ReopenWritableFile(
        const std::string& /*name*/,
        const rocksdb::FileOptions& /*options*/,
        std::unique_ptr<rocksdb::FSWritableFile>* /*result*/,
        rocksdb::IODebugContext* /*dbg*/
    ) override {
        return rocksdb::IOStatus::NotSupported();
    }
    rocksdb::IOStatus ReuseWritableFile(
        const std::string& /*name*/,
        const std::string& /*old_name*/,
        const rocksdb::FileOptions& /*options*/,
        std::unique_ptr<rocksdb::FSWritableFile>* /*result*/,
        rocksdb::IODebugContext* /*dbg*/
    ) override {
        return rocksdb::IOStatus::NotSupported();
    }
    rocksdb::IOStatus LinkFile(
        const std::string& /*from*/,
        const std::string& /*to*/,
        const rocksdb::IOOptions& /*options*/,
        rocksdb::IODebugContext* /*dbg*/
    ) override {
        return rocksdb::IOStatus::NotSupported();
    }

private:
    struct Piece {
        std::uint64_t at = 0;
        std::string bytes;
    };
    /// A file that was written by this process.
    struct Node {
        std::string name, on_disk;    // the name, and the place until the name is durable
        std::vector<Piece> pending;   // not synced, in the order in which they were written
        std::uint64_t number = 0;     // when it got that name
        bool is_named = false, is_dead = false;
    };
    struct Fault {
        int count = 0;
        std::string suffix;
        rocksdb::IOStatus with;
        Bytes bytes = Bytes::Lost;
        bool hits(const std::string& name);
    };
    class HeldFile;
    class HeldDirectory;
    using Nodes = std::map<std::string, std::shared_ptr<Node>>;

    /// The ending of a file whose name is not durable yet.
    static constexpr std::string_view held_suffix = ".held";
    static std::string normal_name(const std::string& name);
    std::shared_ptr<Node> find(const std::string& name) const;
    std::string place_of(const std::string& name) const;
    rocksdb::IOStatus write(Node& node, std::uint64_t at, const rocksdb::Slice& data);
    /// The size of the file as this process sees it.
    static std::uint64_t size_of(const Node& node, std::uint64_t on_disk);
    rocksdb::IOStatus sync(Node& node, rocksdb::FSWritableFile& file, bool is_full);
    rocksdb::IOStatus sync_names(const std::string& directory);
    rocksdb::IOStatus content(const Node& node, std::string* content);

    mutable std::recursive_mutex mutex_;
    Nodes nodes_;
    std::uint64_t last_number_ = 0;
    Fault sync_fault_, append_fault_;
    std::atomic<std::uint64_t> log_syncs_ = 0;
};

}   // namespace grid::test
