// storage/rocks_database.hpp: the open files of a RocksDB: open, read, write, close under
// readers.
#pragma once

#include <rocksdb/db.h>
#include <rocksdb/env.h>

#include <array>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "storage/chain.hpp"
#include "storage/clock_steps.hpp"
#include "storage/group_filter.hpp"
#include "storage/rocks_options.hpp"
#include "storage/rocks_settings.hpp"
#include "storage/schema.hpp"
#include "storage/store.hpp"

namespace grid::storage {

/// One opening of the files. Reads are safe from any thread, and after close() they fail with
/// Closed.
class RocksDatabase : public std::enable_shared_from_this<RocksDatabase> {
public:
    /// Member: of a cluster, whose log has everything that is not on this disk yet: writes are not
    /// synced one by one, and of a damaged log of RocksDB's own what is before the damage is
    /// enough.
    enum class Mode { ReadWrite, ReadOnly, Member };
    /// Opens, checks the header, or writes it when the store is new. Read-only nothing is written,
    /// and what the log holds is replayed into memory.
    static Result<std::shared_ptr<RocksDatabase>> open(
        const RocksSettings& settings, Mode mode = Mode::ReadWrite
    );
    ~RocksDatabase() { close(); }
    RocksDatabase(const RocksDatabase&) = delete;

    /// Waits for reads in progress, ends all snapshots, closes the files.
    void close();
    /// One write, synced when it returns; a member's is not. By the writer thread only.
    rocksdb::Status write(rocksdb::WriteBatch& batch);
    /// Everything that was written before the call is on disk when it returns. Any thread, beside
    /// writes.
    boost::system::error_code sync_log();
    rocksdb::ColumnFamilyHandle* family(Family family) const {
        return handles_[static_cast<std::size_t>(family)];
    }
    /// RocksDB has had an error in the background and takes no more writes.
    bool failed() const { return listener_->failed(); }
    const Header& header() const { return header_; }
    /// The last revision on disk, when the files were opened.
    Revision head() const { return head_; }
    Millis time() const { return time_; }
    const Link& link() const { return link_; }
    ClockSteps steps() const;
    /// From the next read on.
    void set_steps(const ClockSteps& steps);

    /// But for the free space.
    StoreFigures figures();
    /// Writes all that is in memory into tables. Any thread, beside writes.
    boost::system::error_code flush();
    /// A directory with all that was written so far, ready to be opened. No write beside it.
    boost::system::error_code checkpoint(const std::string& directory);
    /// The last group of a cluster's log that was applied; {} in a store of a single node.
    Result<AppliedGroup> applied_group();
    /// The store is a single node's from now on: it does not go on from a cluster's log any more.
    /// No write beside it.
    boost::system::error_code leave_cluster();
    /// Begins another life of the store, a single node's: the next epoch, and revisions from behind
    /// `head` on. No write beside it.
    boost::system::error_code begin_epoch(Revision head);

    std::unique_ptr<Snapshot> snapshot();
    Result<Revision> revision_of(Family family, std::string_view key);

    Result<std::optional<Snapshot::Value>> get(
        const rocksdb::Snapshot* at, Family family, std::string_view key
    );
    struct Range {
        Family family;
        std::string_view from, to;
        bool reverse;
    };
    boost::system::error_code scan(
        const rocksdb::Snapshot* at,
        const Range& range,
        const std::function<bool(std::string_view key, const Record&)>& visit
    );
    void release(const rocksdb::Snapshot* snapshot);

private:
    /// Keeps the files open while something is being read.
    class Use;

    RocksDatabase(const RocksSettings& settings, Mode mode);
    rocksdb::Status create_directory();
    boost::system::error_code check_logs();
    struct Replayed {
        std::uint64_t sequence = 0;
        bool is_members = false;   // of a cluster, before the damage
    };
    Result<Replayed> try_replay();
    rocksdb::Status open_files();
    boost::system::error_code check_header(const std::string& unicode_version);
    boost::system::error_code check_written_by_us(const std::string& value);
    boost::system::error_code create_header(const std::string& unicode_version);
    boost::system::error_code read_head();
    boost::system::error_code fail(Errc error, const std::string& text) const;
    boost::system::error_code fail(const rocksdb::Status& status, const std::string& doing) const;

    const std::string path_;
    const Mode mode_;
    const int open_files_max_;
    const LogSink log_;
    std::unique_ptr<rocksdb::Env> owned_env_;
    rocksdb::Env* env_;
    std::shared_ptr<ErrorListener> listener_;
    std::unique_ptr<GroupFilter> filter_;   // where the replay of a member's log is to end
    rocksdb::DB* db_ = nullptr;
    std::array<rocksdb::ColumnFamilyHandle*, family_count> handles_{};
    Header header_;
    Revision head_ = 0;
    Millis time_ = 0;
    Link link_;

    std::shared_ptr<const ClockSteps> known_steps() const;

    mutable std::mutex mutex_;
    std::shared_ptr<const ClockSteps> steps_;   // null: the clock was never set back
    std::condition_variable unused_;
    std::size_t uses_ = 0;
    bool closing_ = false;
    std::set<const rocksdb::Snapshot*> snapshots_;
};

}   // namespace grid::storage
