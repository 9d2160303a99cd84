// storage/rocks_database_open.cpp: opening the files: recovery of the log, the header, errors for
// people.
#include <rocksdb/db.h>

#include <algorithm>
#include <filesystem>

#include "storage/log_check.hpp"
#include "storage/log_files.hpp"
#include "storage/rocks_database.hpp"

namespace grid::storage {
namespace {

bool is_locked(const rocksdb::Status& status) {
    // RocksDB has no code for it. The second is how it says it within one process.
    const std::string text = status.ToString();
    return text.find("While lock file") != std::string::npos ||
           text.find("lock hold by current process") != std::string::npos;
}

Errc reason_of(const rocksdb::Status& status) {
    if (is_locked(status)) return Errc::Locked;
    if (status.IsNoSpace()) return Errc::NoSpace;
    if (status.IsCorruption()) return Errc::Corrupt;
    // Column families or a comparator that this version does not know.
    if (status.IsInvalidArgument() || status.IsNotSupported()) return Errc::WrongSchema;
    return Errc::Io;
}

}   // namespace

RocksDatabase::RocksDatabase(const RocksSettings& settings, Mode mode)
    : path_(settings.path),
      mode_(mode),
      open_files_max_(settings.open_files_max),
      log_(settings.log),
      owned_env_(rocksdb::NewCompositeEnv(std::make_shared<LogFiles>(
          settings.file_system ? settings.file_system : rocksdb::FileSystem::Default()
      ))),
      env_(owned_env_.get()),
      listener_(std::make_shared<ErrorListener>(settings.log)) {}

boost::system::error_code RocksDatabase::fail(Errc error, const std::string& text) const {
    const auto code = make_error_code(error);
    if (log_) log_(LogLevel::Error, "store " + path_ + ": " + text + " (" + code.message() + ")");
    return code;
}

boost::system::error_code RocksDatabase::fail(
    const rocksdb::Status& status, const std::string& doing
) const {
    return fail(reason_of(status), doing + ": " + status.ToString());
}

Result<std::shared_ptr<RocksDatabase>> RocksDatabase::open(
    const RocksSettings& settings, Mode mode
) {
    std::shared_ptr<RocksDatabase> database(new RocksDatabase(settings, mode));
    rocksdb::Status status;
    if (mode != Mode::ReadOnly) {
        status = database->create_directory();
        if (!status.ok()) return database->fail(status, "cannot create the directory");
    }
    if (auto error = database->check_logs()) return error;
    if (status = database->open_files(); !status.ok()) return database->fail(status, "cannot open");
    if (auto error = database->check_header(settings.unicode_version)) return error;
    if (auto error = database->read_head()) return error;
    return database;
}

// The new directory's own name must survive a power loss, or everything in it does not.
rocksdb::Status RocksDatabase::create_directory() {
    if (env_->FileExists(path_).ok()) return rocksdb::Status::OK();
    rocksdb::Status status = env_->CreateDirIfMissing(path_);
    if (!status.ok()) return status;
    const std::filesystem::path parent = std::filesystem::path(path_ + "/.").parent_path() / "..";
    std::unique_ptr<rocksdb::Directory> directory;
    status = env_->NewDirectory(parent.string(), &directory);
    return status.ok() ? directory->Fsync() : status;
}

boost::system::error_code RocksDatabase::check_logs() {
    // Held, since a log that another process is writing would look damaged. A reader, which makes
    // no file, takes what it can see beside that process.
    const bool is_reader = mode_ == Mode::ReadOnly;
    const std::string lock_name = path_ + "/LOCK";
    rocksdb::FileLock* lock = nullptr;
    rocksdb::Status status;
    if (!is_reader || env_->FileExists(lock_name).ok()) status = env_->LockFile(lock_name, &lock);
    if (!status.ok() && is_reader) return {};
    if (!status.ok()) return fail(status, "cannot open");
    LogCheck logs;
    status = LogCheck::run(*env_, path_, &logs);
    Result<Replayed> replayed = Replayed{};
    const bool is_damaged = status.ok() && (logs.is_damaged() || logs.has_gap());
    const bool may_be_members = mode_ != Mode::ReadWrite;
    if (is_damaged && (logs.is_damaged() || may_be_members)) replayed = try_replay();
    if (lock != nullptr)
        if (const auto unlocked = env_->UnlockFile(lock); status.ok()) status = unlocked;
    if (!status.ok()) return fail(status, "cannot read the log");
    if (!is_damaged) return {};
    if (!replayed) return replayed.error();
    if (may_be_members && replayed->is_members && !logs.begins_with_gap()) {
        if (logs.has_gap()) filter_ = std::make_unique<GroupFilter>();
        log_(
            LogLevel::Warn, "store " + path_ +
                                ": the log is damaged; what is behind the damage is read from the "
                                "log of the cluster"
        );
        return {};
    }
    if (may_be_members && replayed->is_members)
        return fail(Errc::Trimmed, "the beginning of the log on this disk is missing");
    if (logs.has_gap())
        return fail(
            Errc::Corrupt,
            "the log has a gap, and acknowledged changes were in it; move the .log files away to "
            "start without what they hold"
        );
    if (replayed->sequence < logs.acknowledged()) {
        return fail(
            Errc::Corrupt,
            "the log is damaged after sequence " + std::to_string(replayed->sequence) +
                " and acknowledged changes up to " + std::to_string(logs.acknowledged()) +
                " are behind it; move the .log files away to start without what they hold"
        );
    }
    log_(
        LogLevel::Warn, "store " + path_ +
                            ": an unfinished write at the end of the log, of which nobody was "
                            "told, is dropped"
    );
    return {};
}

/// How far a replay comes, tried without changing the files.
Result<RocksDatabase::Replayed> RocksDatabase::try_replay() {
    rocksdb::DBOptions options = database_options(log_, env_, listener_);
    options.max_open_files = open_files_max_;
    options.create_if_missing = false;
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    rocksdb::DB* db = nullptr;
    const auto status =
        rocksdb::DB::OpenForReadOnly(options, path_, family_options(), &handles, &db);
    if (!status.ok()) return fail(status, "cannot replay the log");
    Replayed replayed;
    replayed.sequence = db->GetLatestSequenceNumber();
    std::string group;
    const rocksdb::Slice key(group_key.data(), group_key.size());
    replayed.is_members = db->Get({}, handles.front(), key, &group).ok();
    for (auto* handle : handles) db->DestroyColumnFamilyHandle(handle);
    delete db;
    return replayed;
}

rocksdb::Status RocksDatabase::open_files() {
    rocksdb::DBOptions options = database_options(log_, env_, listener_);
    options.max_open_files = open_files_max_;
    options.wal_filter = filter_.get();
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    const auto status =
        mode_ == Mode::ReadOnly
            ? rocksdb::DB::OpenForReadOnly(options, path_, family_options(), &handles, &db_)
            : rocksdb::DB::Open(options, path_, family_options(), &handles, &db_);
    if (status.ok()) std::copy(handles.begin(), handles.end(), handles_.begin());
    return status;
}

boost::system::error_code RocksDatabase::check_header(const std::string& unicode_version) {
    std::string value;
    const rocksdb::Slice key(header_key.data(), header_key.size());
    const auto status = db_->Get({}, family(Family::Control), key, &value);
    if (status.ok()) {
        if (auto error = check_written_by_us(value)) return error;
    } else if (!status.IsNotFound() || mode_ == Mode::ReadOnly) {
        return fail(status, "cannot read the header");
    } else {
        return create_header(unicode_version);
    }
    if (header_.unicode_version == unicode_version || mode_ == Mode::ReadOnly) return {};
    if (log_)
        log_(
            LogLevel::Warn, "store " + path_ + ": addresses were prepared with Unicode '" +
                                header_.unicode_version + "', this program has '" +
                                unicode_version + "': names with newer characters may differ"
        );
    header_.unicode_version = unicode_version;
    rocksdb::WriteBatch batch;
    batch.Put(family(Family::Control), key, encode_stamp(0, 0) + encode(header_));
    if (auto written = write(batch); !written.ok()) return fail(written, "cannot write the header");
    return {};
}

boost::system::error_code RocksDatabase::check_written_by_us(const std::string& value) {
    const auto record = decode_record(value);
    const auto header = record ? decode_header(record->value) : std::nullopt;
    if (!header) return fail(Errc::WrongSchema, "the header is not one of gridd");
    if (header->schema != schema_version) {
        return fail(
            Errc::WrongSchema, "has schema " + std::to_string(header->schema) +
                                   ", this program reads " + std::to_string(schema_version)
        );
    }
    header_ = *header;
    return {};
}

boost::system::error_code RocksDatabase::create_header(const std::string& unicode_version) {
    for (auto* handle : handles_) {
        const std::unique_ptr<rocksdb::Iterator> any(db_->NewIterator({}, handle));
        any->SeekToFirst();
        if (any->Valid()) return fail(Errc::WrongSchema, "has data but no header of gridd");
        if (!any->status().ok()) return fail(any->status(), "cannot read");
    }
    header_ = make_header(unicode_version);
    rocksdb::WriteBatch batch;
    const rocksdb::Slice key(header_key.data(), header_key.size());
    batch.Put(family(Family::Control), key, encode_stamp(0, 0) + encode(header_));
    if (auto status = write(batch); !status.ok()) return fail(status, "cannot write the header");
    return {};
}

boost::system::error_code RocksDatabase::read_head() {
    for (std::string_view key : {head_key, given_key}) {
        const auto found = get(nullptr, Family::Control, key);
        if (!found) return fail(Errc::Corrupt, "cannot read the head");
        if (!*found) continue;   // no batch committed yet
        head_ = std::max(head_, (*found)->revision);
        time_ = std::max(time_, (*found)->time);
    }
    const auto stepped = get(nullptr, Family::Control, steps_key);
    if (!stepped) return fail(Errc::Corrupt, "cannot read where the clock was set back");
    if (*stepped) {
        const auto steps = decode_clock_steps((*stepped)->value);
        if (!steps) return fail(Errc::Corrupt, "where the clock was set back is not readable");
        set_steps(*steps);
    }
    const auto chain = get(nullptr, Family::Control, chain_key);
    if (!chain) return fail(Errc::Corrupt, "cannot read the head of the audit's chain");
    if (!*chain) return {};   // a store from before it: the chain begins with the next record
    const auto link = decode_link((*chain)->value);
    if (!link) return fail(Errc::Corrupt, "the head of the audit's chain cannot be understood");
    link_ = *link;
    return {};
}

}   // namespace grid::storage
