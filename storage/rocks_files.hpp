// storage/rocks_files.hpp: the part of a store on RocksDB that has nothing to do with how a group
// is decided: reads, free space, and the files that are open now.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "storage/reader_pool.hpp"
#include "storage/rocks_database.hpp"
#include "storage/rocks_settings.hpp"
#include "storage/store.hpp"

namespace grid::storage {

/// The system's clock and the volume's free bytes, where a test has not put its own.
RocksSettings with_defaults(RocksSettings settings);

/// Any thread, but for what says otherwise.
class RocksFiles {
public:
    /// `settings` are complete (with_defaults).
    RocksFiles(RocksSettings settings, std::shared_ptr<RocksDatabase> database);

    const RocksSettings& settings() const { return settings_; }
    std::shared_ptr<RocksDatabase> database() const;
    /// Writes go on, to these files.
    void adopt(std::shared_ptr<RocksDatabase> database);
    /// Empty while writes go on.
    std::string stopped_reason() const;
    void stop_writes(const std::string& reason);
    /// The same, and whether RocksDB has failed in the background, which then stops writes.
    std::string look_for_failure();
    /// Empty while there is enough.
    std::string reason_without_space() const;
    /// Closes the files and opens them again, for adopt(). When that fails, writes are stopped and
    /// reads go on where they can. On the writer thread.
    Result<std::shared_ptr<RocksDatabase>> open_again(RocksDatabase::Mode mode);

    std::unique_ptr<Snapshot> snapshot() const { return database()->snapshot(); }
    void read(std::function<void(const Snapshot&)> work);
    Result<Revision> scan(const std::function<void(const KeyChange&)>& apply) const;
    /// But for what the writer knows alone.
    StoreStatus status() const;
    StoreFigures figures() const;
    /// `between_groups` runs what it is given while nothing is written; false: the store is closed.
    boost::system::error_code checkpoint(
        const std::string& directory,
        const std::function<void()>& at_that_point,
        const std::function<bool(std::function<void()>)>& between_groups
    );
    void tell_set_back(Millis by) const;

private:
    void go_on_reading();

    const RocksSettings settings_;
    mutable std::mutex mutex_;   // the two below
    std::shared_ptr<RocksDatabase> database_;
    std::string stopped_reason_;
    ReaderPool readers_;   // last: its threads end first
};

}   // namespace grid::storage
