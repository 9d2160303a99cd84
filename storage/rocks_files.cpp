// storage/rocks_files.cpp: see rocks_files.hpp.
#include "storage/rocks_files.hpp"

#include <sys/statvfs.h>

#include <algorithm>
#include <chrono>
#include <utility>

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

constexpr const char* background_failed = "a background write of the store failed, see the log";

}   // namespace

std::uint64_t free_bytes_least() { return 4 * write_buffers_bytes; }

RocksSettings with_defaults(RocksSettings settings) {
    if (!settings.clock) settings.clock = system_now;
    if (!settings.log) settings.log = [](LogLevel, std::string_view) {};
    settings.free_bytes_min = std::max(settings.free_bytes_min, free_bytes_least());
    if (!settings.free_bytes)
        settings.free_bytes = [free = std::make_shared<FreeBytes>(settings.free_bytes_min
                               )](const std::string& path) { return free->of(path); };
    return settings;
}

RocksFiles::RocksFiles(RocksSettings settings, std::shared_ptr<RocksDatabase> database)
    : settings_(std::move(settings)),
      database_(std::move(database)),
      readers_(settings_.reader_threads, [this](const std::string& reason) {
          settings_.log(LogLevel::Error, "a read ended with a fault of the program: " + reason);
      }) {}

std::shared_ptr<RocksDatabase> RocksFiles::database() const {
    std::lock_guard lock(mutex_);
    return database_;
}

void RocksFiles::adopt(std::shared_ptr<RocksDatabase> database) {
    std::lock_guard lock(mutex_);
    database_ = std::move(database);
    stopped_reason_.clear();
}

std::string RocksFiles::stopped_reason() const {
    std::lock_guard lock(mutex_);
    return stopped_reason_;
}

void RocksFiles::stop_writes(const std::string& reason) {
    settings_.log(LogLevel::Error, "store " + settings_.path + ": writes stopped: " + reason);
    std::lock_guard lock(mutex_);
    stopped_reason_ = reason;
}

std::string RocksFiles::look_for_failure() {
    if (stopped_reason().empty() && database()->failed()) stop_writes(background_failed);
    return stopped_reason();
}

std::string RocksFiles::reason_without_space() const {
    const auto free = settings_.free_bytes(settings_.path);
    if (!free) return "the free space of the data volume cannot be read";
    if (*free >= settings_.free_bytes_min) return {};
    return "the data volume has " + std::to_string(*free) + " bytes free, writes need " +
           std::to_string(settings_.free_bytes_min);
}

Result<std::shared_ptr<RocksDatabase>> RocksFiles::open_again(RocksDatabase::Mode mode) {
    // Opening writes what it replays; on a full disk it would only fail, with the files closed.
    if (!reason_without_space().empty()) return Errc::NoSpace;
    database()->close();
    auto opened = RocksDatabase::open(settings_, mode);
    if (opened) return opened;
    stop_writes("reopening failed: " + opened.error().message());
    go_on_reading();
    return opened.error();
}

/// A store that could not be opened for writing may still be read.
void RocksFiles::go_on_reading() {
    auto opened = RocksDatabase::open(settings_, RocksDatabase::Mode::ReadOnly);
    if (!opened) return;
    std::lock_guard lock(mutex_);
    database_ = std::move(*opened);
}

void RocksFiles::read(std::function<void(const Snapshot&)> work) {
    readers_.run([this, work = std::move(work)] { work(*snapshot()); });
}

Result<Revision> RocksFiles::scan(const std::function<void(const KeyChange&)>& apply) const {
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

StoreStatus RocksFiles::status() const {
    StoreStatus status;
    const auto open = database();
    status.reason = stopped_reason();
    if (status.reason.empty() && open->failed()) status.reason = background_failed;
    status.needs_reopen = !status.reason.empty();
    if (status.reason.empty()) status.reason = reason_without_space();
    status.writable = status.reason.empty();
    status.epoch = open->header().epoch;
    status.store_id = open->header().store_id;
    return status;
}

StoreFigures RocksFiles::figures() const {
    StoreFigures figures = database()->figures();
    if (const auto free = settings_.free_bytes(settings_.path)) figures.free_bytes = *free;
    return figures;
}

boost::system::error_code RocksFiles::checkpoint(
    const std::string& directory,
    const std::function<void()>& at_that_point,
    const std::function<bool(std::function<void()>)>& between_groups
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
    if (!between_groups(copy)) return make_error_code(Errc::Closed);
    return error;
}

void RocksFiles::tell_set_back(Millis by) const {
    settings_.log(
        LogLevel::Warn,
        "store " + settings_.path + ": the clock is " + std::to_string(by / 1000) +
            " seconds behind the newest record: it was set back, or was wrong before. Stamps "
            "follow "
            "it, and what carries a later time is read as of now; check the host's time service"
    );
}

}   // namespace grid::storage
