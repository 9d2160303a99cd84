// storage/rocks_database.cpp: see rocks_database.hpp. Opening is in rocks_database_open.cpp.
#include "storage/rocks_database.hpp"

#include <rocksdb/iterator.h>
#include <rocksdb/perf_level.h>
#include <rocksdb/utilities/checkpoint.h>
#include <rocksdb/write_batch.h>

namespace grid::storage {
namespace {

/// RocksDB compares by data() even where the size is 0.
rocksdb::Slice slice(std::string_view text) {
    return {text.empty() ? "" : text.data(), text.size()};
}
std::string_view text_of(const rocksdb::Slice& text) { return {text.data(), text.size()}; }

Errc read_error(const rocksdb::Status& status) {
    return status.IsCorruption() ? Errc::Corrupt : Errc::Io;
}

class RocksSnapshot final : public Snapshot {
public:
    RocksSnapshot(std::shared_ptr<RocksDatabase> database, const rocksdb::Snapshot* at)
        : database_(std::move(database)), at_(at) {}
    ~RocksSnapshot() override { database_->release(at_); }

    Result<std::optional<Value>> get(Family family, std::string_view key) const override {
        if (at_ == nullptr) return Errc::Closed;
        return database_->get(at_, family, key);
    }
    boost::system::error_code scan(
        Family family,
        std::string_view from,
        std::string_view to,
        bool reverse,
        const std::function<bool(std::string_view key, const Record&)>& visit
    ) const override {
        if (at_ == nullptr) return make_error_code(Errc::Closed);
        return database_->scan(at_, {family, from, to, reverse}, visit);
    }

private:
    std::shared_ptr<RocksDatabase> database_;
    const rocksdb::Snapshot* at_;
};

}   // namespace

class RocksDatabase::Use {
public:
    explicit Use(RocksDatabase& database) : database_(database) {
        std::lock_guard lock(database.mutex_);
        open_ = !database.closing_ && database.db_ != nullptr;
        if (open_) ++database.uses_;
    }
    ~Use() {
        if (!open_) return;
        std::lock_guard lock(database_.mutex_);
        if (--database_.uses_ == 0) database_.unused_.notify_all();
    }
    Use(const Use&) = delete;
    explicit operator bool() const { return open_; }

private:
    RocksDatabase& database_;
    bool open_;
};

void RocksDatabase::close() {
    std::unique_lock lock(mutex_);
    closing_ = true;
    unused_.wait(lock, [this] { return uses_ == 0; });
    if (db_ == nullptr) return;
    for (const rocksdb::Snapshot* snapshot : snapshots_) db_->ReleaseSnapshot(snapshot);
    snapshots_.clear();
    for (auto* handle : handles_) db_->DestroyColumnFamilyHandle(handle);
    const auto status = db_->Close();
    if (!status.ok() && log_) log_(LogLevel::Warn, "closing the store: " + status.ToString());
    delete db_;
    db_ = nullptr;
}

rocksdb::Status RocksDatabase::write(rocksdb::WriteBatch& batch) {
    // For this thread RocksDB's counters are off: they are never read, and keeping them is a tenth
    // of an insert.
    rocksdb::SetPerfLevel(rocksdb::PerfLevel::kDisable);
    rocksdb::WriteOptions options;
    options.sync = mode_ != Mode::Member;
    return db_->Write(options, &batch);
}

boost::system::error_code RocksDatabase::sync_log() {
    const Use use(*this);
    if (!use) return make_error_code(Errc::Closed);
    const auto status = db_->FlushWAL(true);
    return status.ok() ? boost::system::error_code() : fail(status, "syncing the log");
}

std::unique_ptr<Snapshot> RocksDatabase::snapshot() {
    const rocksdb::Snapshot* at = nullptr;
    if (const Use use(*this); use) {
        at = db_->GetSnapshot();
        std::lock_guard lock(mutex_);
        snapshots_.insert(at);
    }
    return std::make_unique<RocksSnapshot>(shared_from_this(), at);
}

void RocksDatabase::release(const rocksdb::Snapshot* snapshot) {
    const Use use(*this);
    std::lock_guard lock(mutex_);
    // close() may have released it already.
    if (use && snapshots_.erase(snapshot) == 1) db_->ReleaseSnapshot(snapshot);
}

std::shared_ptr<const ClockSteps> RocksDatabase::known_steps() const {
    const std::lock_guard lock(mutex_);
    return steps_;
}

ClockSteps RocksDatabase::steps() const {
    const auto known = known_steps();
    return known ? *known : ClockSteps();
}

void RocksDatabase::set_steps(const ClockSteps& steps) {
    auto next = steps.all().empty() ? nullptr : std::make_shared<const ClockSteps>(steps);
    const std::lock_guard lock(mutex_);
    steps_ = std::move(next);
}

Result<Revision> RocksDatabase::revision_of(Family family, std::string_view key) {
    const auto found = get(nullptr, family, key);
    if (!found) return found.error();
    return *found ? (*found)->revision : 0;
}

StoreFigures RocksDatabase::figures() {
    const Use use(*this);
    if (!use) return {};
    using Properties = rocksdb::DB::Properties;
    const auto of_all = [this](const std::string& property) {
        std::uint64_t value = 0;
        db_->GetAggregatedIntProperty(property, &value);
        return value;
    };
    const auto of_one = [this](const std::string& property) {
        std::uint64_t value = 0;
        db_->GetIntProperty(property, &value);
        return value;
    };
    StoreFigures figures;
    figures.table_bytes = of_all(Properties::kTotalSstFilesSize);
    figures.buffer_bytes = of_all(Properties::kSizeAllMemTables);
    figures.cache_bytes = of_one(Properties::kBlockCacheUsage);   // one cache for all families
    figures.compaction_bytes = of_all(Properties::kEstimatePendingCompactionBytes);
    figures.is_stalled = of_one(Properties::kIsWriteStopped) != 0 ||
                         of_one(Properties::kActualDelayedWriteRate) != 0;
    return figures;
}

boost::system::error_code RocksDatabase::flush() {
    const Use use(*this);
    if (!use) return make_error_code(Errc::Closed);
    const std::vector<rocksdb::ColumnFamilyHandle*> all(handles_.begin(), handles_.end());
    const auto status = db_->Flush(rocksdb::FlushOptions(), all);
    return status.ok() ? boost::system::error_code() : fail(status, "writing tables");
}

boost::system::error_code RocksDatabase::checkpoint(const std::string& directory) {
    const Use use(*this);
    if (!use) return make_error_code(Errc::Closed);
    rocksdb::Checkpoint* made = nullptr;
    auto status = rocksdb::Checkpoint::Create(db_, &made);
    const std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
    if (status.ok()) status = checkpoint->CreateCheckpoint(directory);
    return status.ok() ? boost::system::error_code() : fail(status, "making a checkpoint");
}

Result<AppliedGroup> RocksDatabase::applied_group() {
    const auto found = get(nullptr, Family::Control, group_key);
    if (!found) return found.error();
    if (!*found) return AppliedGroup{};
    const auto group = decode_applied_group((*found)->value);
    if (!group) return fail(Errc::Corrupt, "the number of the last group cannot be understood");
    return *group;
}

boost::system::error_code RocksDatabase::leave_cluster() {
    const auto found = get(nullptr, Family::Control, group_key);
    if (!found) return found.error();
    if (!*found) return {};
    rocksdb::WriteBatch batch;
    batch.Delete(family(Family::Control), slice(group_key));
    if (const auto status = write(batch); !status.ok()) return fail(status, "leaving the cluster");
    return {};
}

boost::system::error_code RocksDatabase::begin_epoch(Revision head) {
    Header next = header_;
    ++next.epoch;
    rocksdb::WriteBatch batch;
    const auto put = [&](std::string_view key, const std::string& value) {
        batch.Put(family(Family::Control), slice(key), value);
    };
    put(header_key, encode_stamp(0, 0) + encode(next));
    put(head_key, encode_stamp(head, time_));
    batch.Delete(family(Family::Control), slice(group_key));
    if (const auto status = write(batch); !status.ok()) return fail(status, "beginning an epoch");
    header_ = next;
    head_ = head;
    return {};
}

Result<std::optional<Snapshot::Value>> RocksDatabase::get(
    const rocksdb::Snapshot* at, Family family_of_key, std::string_view key
) {
    const Use use(*this);
    if (!use) return Errc::Closed;
    rocksdb::ReadOptions options;
    options.snapshot = at;
    rocksdb::PinnableSlice stored;
    const auto status = db_->Get(options, family(family_of_key), slice(key), &stored);
    if (status.IsNotFound()) return std::optional<Snapshot::Value>();
    if (!status.ok()) return fail(read_error(status), "reading: " + status.ToString());
    const auto record = decode_record(text_of(stored));
    if (!record) return fail(Errc::Corrupt, "a value without revision");
    // Records under the audit's hashes are read as they were written.
    const auto steps = family_of_key == Family::Audit ? nullptr : known_steps();
    const Millis time = steps ? steps->read(record->revision, record->time) : record->time;
    return std::optional<Snapshot::Value>({record->revision, time, std::string(record->value)});
}

boost::system::error_code RocksDatabase::scan(
    const rocksdb::Snapshot* at,
    const Range& range,
    const std::function<bool(std::string_view key, const Record&)>& visit
) {
    const Use use(*this);
    if (!use) return make_error_code(Errc::Closed);
    const auto steps = range.family == Family::Audit ? nullptr : known_steps();
    // The store's own records come first in Control.
    const bool hides = range.family == Family::Control && range.from < first_control_key;
    const std::string_view from = hides ? first_control_key : range.from;
    const rocksdb::Slice lower = slice(from), upper = slice(range.to);
    rocksdb::ReadOptions options;
    options.snapshot = at;
    options.iterate_lower_bound = &lower;
    if (!range.to.empty()) options.iterate_upper_bound = &upper;
    options.fill_cache = false;   // a scan must not push out what single reads keep coming back to
    const std::unique_ptr<rocksdb::Iterator> place(db_->NewIterator(options, family(range.family)));
    for (range.reverse ? place->SeekToLast() : place->Seek(lower); place->Valid();
         range.reverse ? place->Prev() : place->Next()) {
        auto record = decode_record(text_of(place->value()));
        if (!record) return fail(Errc::Corrupt, "a value without revision");
        if (steps) record->time = steps->read(record->revision, record->time);
        if (!visit(text_of(place->key()), *record)) return {};
    }
    if (place->status().ok()) return {};
    return fail(read_error(place->status()), "scanning: " + place->status().ToString());
}

}   // namespace grid::storage
