// storage/rocks_store.cpp: see rocks_store.hpp: queue → gates → one synced write → feed.
#include "storage/rocks_store.hpp"

#include <algorithm>
#include <atomic>
#include <cassert>
#include <utility>

#include "storage/committer.hpp"
#include "storage/group_encoder.hpp"
#include "storage/rocks_database.hpp"
#include "storage/rocks_files.hpp"

namespace grid::storage {
namespace {

class RocksStore final : public Store {
public:
    RocksStore(RocksSettings settings, std::shared_ptr<RocksDatabase> database);
    ~RocksStore() override;

    void start(FeedHandler handler) override;
    bool submit(Ticket ticket, Sender sender, Batch batch) override;
    Result<Revision> scan(const std::function<void(const KeyChange&)>& apply) override {
        return files_.scan(apply);
    }
    std::unique_ptr<Snapshot> snapshot() override { return files_.snapshot(); }
    void read(std::function<void(const Snapshot&)> work) override { files_.read(std::move(work)); }
    StoreStatus status() const override;
    StoreFigures figures() const override { return files_.figures(); }
    boost::system::error_code reopen() override;
    boost::system::error_code checkpoint(
        const std::string& directory, const std::function<void()>& at_that_point
    ) override;

private:
    // On the writer thread.
    void commit(std::vector<Submission> group);
    void refuse(std::vector<Submission> group, Errc error, const std::string& detail);
    bool write(const std::vector<FeedEntry>& entries);
    void adopt(std::shared_ptr<RocksDatabase> database);
    boost::system::error_code reopen_on_writer();

    RocksFiles files_;
    FeedHandler handler_;
    Sequencer sequencer_;
    GroupEncoder encoder_;
    std::atomic<Revision> head_ = 0;
    std::atomic<std::uint64_t> commits_ = 0, groups_ = 0, syncs_ = 0;
    Committer committer_;
};

RocksStore::RocksStore(RocksSettings settings, std::shared_ptr<RocksDatabase> database)
    : files_(std::move(settings), database),
      sequencer_([this](Family family, std::string_view key) {
          return files_.database()->revision_of(family, key);
      }),
      committer_(
          {files_.settings().group_batches_max, files_.settings().group_bytes_max,
           files_.settings().queue_bytes_max}
      ) {
    adopt(std::move(database));
    const Millis ahead = sequencer_.time() - files_.settings().clock();
    if (ahead > ClockSteps::held_ms) files_.tell_set_back(ahead);
}

RocksStore::~RocksStore() {
    committer_.stop();
    files_.database()->close();
}

void RocksStore::adopt(std::shared_ptr<RocksDatabase> database) {
    const ClockSteps steps = database->steps();
    sequencer_.resume(database->head(), database->time(), database->link(), steps);
    encoder_.resume(database->head(), database->link(), steps);
    head_ = sequencer_.head();
    files_.adopt(std::move(database));
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
    return committer_.submit({ticket, sender, std::move(batch), files_.settings().clock()});
}

StoreStatus RocksStore::status() const {
    StoreStatus status = files_.status();
    status.revision = head_;
    status.commits = commits_;
    status.groups = groups_;
    status.syncs = syncs_;
    status.queued_bytes = committer_.queued_bytes();
    return status;
}

void RocksStore::commit(std::vector<Submission> group) {
    if (const std::string why = files_.look_for_failure(); !why.empty())
        return refuse(std::move(group), Errc::WritesStopped, why);
    if (const std::string why = files_.reason_without_space(); !why.empty())
        return refuse(std::move(group), Errc::NoSpace, why);
    const Millis before = sequencer_.time();
    std::vector<FeedEntry> entries = sequencer_.decide(std::move(group), files_.settings().clock());
    const bool is_set_back = sequencer_.time() < before;
    if (is_set_back) files_.tell_set_back(before - sequencer_.time());
    if (write(entries)) {
        if (is_set_back) files_.database()->set_steps(sequencer_.steps());
        sequencer_.end_group();
        head_ = sequencer_.head();
        ++groups_;
    } else {
        const std::string why = files_.stopped_reason();
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

// False: writes are stopped now, and what became of `entries` is unknown.
bool RocksStore::write(const std::vector<FeedEntry>& entries) {
    const auto open = files_.database();
    if (auto* batch = encoder_.encode(
            entries, *open, sequencer_.head(), sequencer_.time(), sequencer_.link(),
            sequencer_.steps()
        )) {
        const auto status = open->write(*batch);
        if (!status.ok()) {
            files_.stop_writes("a write failed: " + status.ToString());
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

boost::system::error_code RocksStore::reopen() {
    boost::system::error_code error;
    if (!handler_) return reopen_on_writer();
    if (!committer_.between_groups([&] { error = reopen_on_writer(); }))
        return make_error_code(Errc::Closed);
    return error;
}

boost::system::error_code RocksStore::reopen_on_writer() {
    auto opened = files_.open_again(RocksDatabase::Mode::ReadWrite);
    if (!opened) return opened.error();
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
    return files_.checkpoint(directory, at_that_point, [this](std::function<void()> work) {
        return committer_.between_groups(std::move(work));
    });
}

}   // namespace

Result<std::unique_ptr<Store>> open_rocks_store(const RocksSettings& settings) {
    RocksSettings complete = with_defaults(settings);
    auto database = RocksDatabase::open(complete);
    if (!database) return database.error();
    if (auto error = (*database)->leave_cluster()) return error;
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
