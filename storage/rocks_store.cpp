// storage/rocks_store.cpp: see rocks_store.hpp: queue → gates → one synced write → feed.
#include "storage/rocks_store.hpp"

#include <sys/statvfs.h>

#include <algorithm>
#include <atomic>
#include <cassert>
#include <chrono>
#include <mutex>
#include <utility>

#include "storage/committer.hpp"
#include "storage/group_encoder.hpp"
#include "storage/reader_pool.hpp"
#include "storage/rocks_database.hpp"

namespace grid::storage {
namespace {

Millis system_now() {
    using namespace std::chrono;
    return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

Result<std::uint64_t> free_bytes_of_volume(const std::string& path) {
    struct statvfs volume{};
    if (::statvfs(path.c_str(), &volume) != 0) return Errc::Io;
    return static_cast<std::uint64_t>(volume.f_bavail) * volume.f_frsize;
}

/// Asked before each group. While the volume has plenty it is looked at again only after a while:
/// as much as that is not written meanwhile. Any thread.
class FreeBytes {
public:
    explicit FreeBytes(std::uint64_t bytes_min) : plenty_(bytes_min + spare_bytes) {}

    Result<std::uint64_t> of(const std::string& path) {
        using std::chrono::steady_clock;
        const auto now = steady_clock::now();
        const std::lock_guard lock(mutex_);
        if (known_ >= plenty_ && now - looked_ < known_for) return known_;
        const auto free = free_bytes_of_volume(path);
        known_ = free ? *free : 0;
        looked_ = now;
        return free;
    }

private:
    static constexpr std::uint64_t spare_bytes = 256UL * 1024 * 1024;
    static constexpr auto known_for = std::chrono::milliseconds(20);
    const std::uint64_t plenty_;
    std::mutex mutex_;
    std::chrono::steady_clock::time_point looked_;
    std::uint64_t known_ = 0;
};

RocksSettings with_defaults(RocksSettings settings) {
    if (!settings.clock) settings.clock = system_now;
    if (!settings.log) settings.log = [](LogLevel, std::string_view) {};
    settings.free_bytes_min = std::max(settings.free_bytes_min, free_bytes_least());
    if (!settings.free_bytes)
        settings.free_bytes = [free = std::make_shared<FreeBytes>(settings.free_bytes_min
                               )](const std::string& path) { return free->of(path); };
    return settings;
}

constexpr const char* background_failed = "a background write of the store failed, see the log";

class RocksStore final : public Store {
public:
    RocksStore(RocksSettings settings, std::shared_ptr<RocksDatabase> database);
    ~RocksStore() override;

    void start(FeedHandler handler) override;
    bool submit(Ticket ticket, Sender sender, Batch batch) override;
    Result<Revision> scan(const std::function<void(const KeyChange&)>& apply) override;
    std::unique_ptr<Snapshot> snapshot() override { return database()->snapshot(); }
    void read(std::function<void(const Snapshot&)> work) override;
    StoreStatus status() const override;
    StoreFigures figures() const override;
    boost::system::error_code reopen() override;
    boost::system::error_code checkpoint(
        const std::string& directory, const std::function<void()>& at_that_point
    ) override;

private:
    // On the writer thread.
    void commit(std::vector<Submission> group);
    void refuse(std::vector<Submission> group, Errc error, const std::string& detail);
    std::string reason_without_space() const;
    bool write(const std::vector<FeedEntry>& entries);
    void stop_writes(const std::string& reason);
    void tell_set_back(Millis by);
    void adopt(std::shared_ptr<RocksDatabase> database);
    boost::system::error_code reopen_on_writer();
    void go_on_reading();

    std::shared_ptr<RocksDatabase> database() const {
        std::lock_guard lock(mutex_);
        return database_;
    }
    std::string stopped_reason() const {
        std::lock_guard lock(mutex_);
        return stopped_reason_;
    }

    const RocksSettings settings_;
    mutable std::mutex mutex_;   // the two below
    std::shared_ptr<RocksDatabase> database_;
    std::string stopped_reason_;   // empty while writes go on

    FeedHandler handler_;
    Sequencer sequencer_;
    GroupEncoder encoder_;
    std::atomic<Revision> head_ = 0;
    std::atomic<std::uint64_t> commits_ = 0, groups_ = 0, syncs_ = 0;
    Committer committer_;
    ReaderPool readers_;   // last: its threads end first
};

RocksStore::RocksStore(RocksSettings settings, std::shared_ptr<RocksDatabase> database)
    : settings_(std::move(settings)),
      sequencer_([this](Family family, std::string_view key) {
          return this->database()->revision_of(family, key);
      }),
      committer_({settings_.group_batches_max, settings_.group_bytes_max, settings_.queue_bytes_max}
      ),
      readers_(settings_.reader_threads, [this](const std::string& reason) {
          settings_.log(LogLevel::Error, "a read ended with a fault of the program: " + reason);
      }) {
    adopt(std::move(database));
    const Millis ahead = sequencer_.time() - settings_.clock();
    if (ahead > ClockSteps::held_ms) tell_set_back(ahead);
}

RocksStore::~RocksStore() {
    committer_.stop();
    database()->close();
}

void RocksStore::adopt(std::shared_ptr<RocksDatabase> database) {
    const ClockSteps steps = database->steps();
    sequencer_.resume(database->head(), database->time(), database->link(), steps);
    encoder_.resume(database->head(), database->link(), steps);
    head_ = sequencer_.head();
    std::lock_guard lock(mutex_);
    database_ = std::move(database);
    stopped_reason_.clear();
}

void RocksStore::start(FeedHandler handler) {
    handler_ = std::move(handler);
    committer_.start(
        [this](std::vector<Submission> group) { commit(std::move(group)); },
        [this](std::vector<Submission> rest) {
            refuse(std::move(rest), Errc::Closed, "the store is shutting down");
        }
    );
}

bool RocksStore::submit(Ticket ticket, Sender sender, Batch batch) {
    assert(handler_);   // the feed begins with start(): no batch before that
    return committer_.submit({ticket, sender, std::move(batch), settings_.clock()});
}

Result<Revision> RocksStore::scan(const std::function<void(const KeyChange&)>& apply) {
    const auto view = snapshot();
    for (Family family : {Family::Control, Family::Index}) {
        const auto error =
            view->scan(family, {}, {}, false, [&](std::string_view key, const Record& record) {
                apply({family, key, record});
                return true;
            });
        if (error) return error;
    }
    const auto head = view->get(Family::Control, head_key);
    if (!head) return head.error();
    return *head ? (*head)->revision : 0;
}

void RocksStore::read(std::function<void(const Snapshot&)> work) {
    readers_.run([this, work = std::move(work)] { work(*snapshot()); });
}

StoreStatus RocksStore::status() const {
    StoreStatus status;
    const auto open = database();
    status.reason = stopped_reason();
    if (status.reason.empty() && open->failed()) status.reason = background_failed;
    status.needs_reopen = !status.reason.empty();
    if (status.reason.empty()) status.reason = reason_without_space();
    status.writable = status.reason.empty();
    status.revision = head_;
    status.epoch = open->header().epoch;
    status.store_id = open->header().store_id;
    status.commits = commits_;
    status.groups = groups_;
    status.syncs = syncs_;
    status.queued_bytes = committer_.queued_bytes();
    return status;
}

StoreFigures RocksStore::figures() const {
    StoreFigures figures = database()->figures();
    if (const auto free = settings_.free_bytes(settings_.path)) figures.free_bytes = *free;
    return figures;
}

void RocksStore::commit(std::vector<Submission> group) {
    if (stopped_reason().empty() && database()->failed()) stop_writes(background_failed);
    if (const std::string why = stopped_reason(); !why.empty())
        return refuse(std::move(group), Errc::WritesStopped, why);
    if (const std::string why = reason_without_space(); !why.empty())
        return refuse(std::move(group), Errc::NoSpace, why);
    const Millis before = sequencer_.time();
    std::vector<FeedEntry> entries = sequencer_.decide(std::move(group), settings_.clock());
    const bool is_set_back = sequencer_.time() < before;
    if (is_set_back) tell_set_back(before - sequencer_.time());
    if (write(entries)) {
        if (is_set_back) database()->set_steps(sequencer_.steps());
        sequencer_.end_group();
        head_ = sequencer_.head();
        ++groups_;
    } else {
        const std::string why = stopped_reason();
        for (FeedEntry& entry : entries) {
            const auto* committed = std::get_if<Committed>(&entry);
            if (committed == nullptr) continue;
            // Of a volatile batch nothing was written, so its outcome is known: none.
            const bool is_volatile = committed->batch.is_volatile;
            const Errc error = is_volatile ? Errc::WritesStopped : Errc::UnknownOutcome;
            entry = Refused{committed->ticket, make_error_code(error), why};
        }
    }
    handler_(std::move(entries));
}

void RocksStore::refuse(std::vector<Submission> group, Errc error, const std::string& detail) {
    handler_(refuse_all(std::move(group), error, detail));
}

std::string RocksStore::reason_without_space() const {
    const auto free = settings_.free_bytes(settings_.path);
    if (!free) return "the free space of the data volume cannot be read";
    if (*free >= settings_.free_bytes_min) return {};
    return "the data volume has " + std::to_string(*free) + " bytes free, writes need " +
           std::to_string(settings_.free_bytes_min);
}

// False: writes are stopped now, and what became of `entries` is unknown.
bool RocksStore::write(const std::vector<FeedEntry>& entries) {
    const auto open = database();
    if (auto* batch = encoder_.encode(
            entries, *open, sequencer_.head(), sequencer_.time(), sequencer_.link(),
            sequencer_.steps()
        )) {
        const auto status = open->write(*batch);
        if (!status.ok()) {
            stop_writes("a write failed: " + status.ToString());
            return false;
        }
        ++syncs_;
    }
    commits_ += static_cast<std::uint64_t>(std::count_if(
        entries.begin(), entries.end(),
        [](const FeedEntry& entry) { return std::holds_alternative<Committed>(entry); }
    ));
    return true;
}

void RocksStore::tell_set_back(Millis by) {
    settings_.log(
        LogLevel::Warn,
        "store " + settings_.path + ": the clock is " + std::to_string(by / 1000) +
            " seconds behind the newest record: it was set back, or was wrong before. Stamps "
            "follow "
            "it, and what carries a later time is read as of now; check the host's time service"
    );
}

void RocksStore::stop_writes(const std::string& reason) {
    settings_.log(LogLevel::Error, "store " + settings_.path + ": writes stopped: " + reason);
    std::lock_guard lock(mutex_);
    stopped_reason_ = reason;
}

boost::system::error_code RocksStore::reopen() {
    boost::system::error_code error;
    if (!handler_) return reopen_on_writer();
    if (!committer_.between_groups([&] { error = reopen_on_writer(); }))
        return make_error_code(Errc::Closed);
    return error;
}

boost::system::error_code RocksStore::reopen_on_writer() {
    // Opening writes what it replays; on a full disk it would only fail, with the files closed.
    if (!reason_without_space().empty()) return make_error_code(Errc::NoSpace);
    database()->close();
    auto opened = RocksDatabase::open(settings_);
    if (!opened) {
        stop_writes("reopening failed: " + opened.error().message());
        go_on_reading();
        return opened.error();
    }
    adopt(std::move(*opened));
    if (handler_) {
        std::vector<FeedEntry> entries;
        entries.emplace_back(Gap{});
        handler_(std::move(entries));
    }
    return {};
}

boost::system::error_code RocksStore::checkpoint(
    const std::string& directory, const std::function<void()>& at_that_point
) {
    if (!stopped_reason().empty()) return make_error_code(Errc::WritesStopped);
    // The most of it goes into tables while commits go on, so that they wait for little.
    if (auto error = database()->flush()) return error;
    boost::system::error_code error;
    const auto copy = [&] {
        // After a failed write nothing says what is committed.
        if (!stopped_reason().empty() || database()->failed()) {
            error = make_error_code(Errc::WritesStopped);
            return;
        }
        error = database()->checkpoint(directory);
        if (!error) at_that_point();
    };
    if (!committer_.between_groups(copy)) return make_error_code(Errc::Closed);
    return error;
}

/// A store that could not be opened for writing may still be read.
void RocksStore::go_on_reading() {
    auto opened = RocksDatabase::open(settings_, RocksDatabase::Mode::ReadOnly);
    if (!opened) return;
    std::lock_guard lock(mutex_);
    database_ = std::move(*opened);
}

}   // namespace

std::uint64_t free_bytes_least() { return 4 * write_buffers_bytes; }

Result<std::unique_ptr<Store>> open_rocks_store(const RocksSettings& settings) {
    RocksSettings complete = with_defaults(settings);
    auto database = RocksDatabase::open(complete);
    if (!database) return database.error();
    return std::unique_ptr<Store>(
        std::make_unique<RocksStore>(std::move(complete), std::move(*database))
    );
}

Result<std::unique_ptr<Snapshot>> open_rocks_snapshot(const RocksSettings& settings) {
    auto database = RocksDatabase::open(with_defaults(settings), RocksDatabase::Mode::ReadOnly);
    if (!database) return database.error();
    return (*database)->snapshot();
}

}   // namespace grid::storage
