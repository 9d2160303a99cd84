// tests/unit/storage/store_harness.cpp: see store_harness.hpp.
#include "store_harness.hpp"

#include <stdlib.h>

#include <stdexcept>

namespace grid::test {

FeedHandler Feed::handler() {
    return [this](std::vector<FeedEntry> entries) { take(std::move(entries)); };
}

void Feed::take(std::vector<FeedEntry> entries) {
    std::unique_lock lock(mutex_);
    ++groups_;
    for (FeedEntry& entry : entries) {
        if (std::holds_alternative<Gap>(entry)) ++gaps_;
        if (auto* refused = std::get_if<Refused>(&entry))
            outcomes_[refused->ticket] = {refused->error, 0, 0, {}};
        auto* done = std::get_if<Committed>(&entry);
        if (done == nullptr) continue;
        committed_.push_back(done->ticket);
        outcomes_[done->ticket] = {{}, done->revision, done->time, std::move(done->batch)};
    }
    changed_.notify_all();
    changed_.wait(lock, [this] { return !held_; });
}

Outcome Feed::outcome(Ticket ticket) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return outcomes_.contains(ticket); });
    return outcomes_[ticket];
}

void Feed::wait_for_gaps(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return gaps_ >= count; });
}

void Feed::hold() {
    std::lock_guard lock(mutex_);
    held_ = true;
}

void Feed::release() {
    std::lock_guard lock(mutex_);
    held_ = false;
    changed_.notify_all();
}

std::size_t Feed::groups() {
    std::lock_guard lock(mutex_);
    return groups_;
}

std::vector<Ticket> Feed::committed() {
    std::lock_guard lock(mutex_);
    return committed_;
}

TemporaryDirectory::TemporaryDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "grid-store-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary directory");
    path_ = pattern;
}

TemporaryDirectory::~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

std::vector<Outcome> Harness::commit(std::vector<std::pair<Sender, Batch>> batches) {
    gather();
    std::vector<Ticket> tickets;
    for (auto& [sender, batch] : batches) {
        tickets.push_back(++last_ticket_);
        if (!store().submit(last_ticket_, sender, std::move(batch)))
            throw std::runtime_error("the queue is full");
    }
    flush();
    std::vector<Outcome> outcomes;
    for (Ticket ticket : tickets) outcomes.push_back(feed.outcome(ticket));
    return outcomes;
}

Outcome Harness::commit(Batch batch) {
    const Ticket ticket = ++last_ticket_;
    if (!store().submit(ticket, {}, std::move(batch))) throw std::runtime_error("queue full");
    flush();
    return feed.outcome(ticket);
}

std::optional<Snapshot::Value> Harness::get(Family family, std::string_view key) {
    return store().snapshot()->get(family, key).value();
}

std::string Harness::value(Family family, std::string_view key) {
    const auto found = get(family, key);
    return found ? found->value : "(none)";
}

std::vector<std::string> Harness::contents() {
    std::vector<std::string> lines;
    const auto scanned = store().scan([&](const KeyChange& change) {
        lines.push_back(
            (change.family == Family::Control ? "C " : "I ") + std::string(change.key) + "=" +
            std::string(change.record->value) + "@" + std::to_string(change.record->revision)
        );
    });
    if (!scanned) throw std::runtime_error(scanned.error().message());
    return lines;
}

MemoryHarness::MemoryHarness() {
    MemoryStore::Options options;
    options.run_at_once = false;
    options.clock = [this] { return now; };
    store_ = std::make_unique<MemoryStore>(options);
    store_->start(feed.handler());
}

RocksHarness::RocksHarness(std::shared_ptr<rocksdb::FileSystem> file_system) {
    settings.path = directory.path() + "/store";
    settings.file_system = std::move(file_system);
    settings.clock = [this] { return now; };
    settings.free_bytes = [this](const std::string&) -> Result<std::uint64_t> {
        return free_bytes;
    };
    settings.unicode_version = "15.0";
    settings.log = [this](LogLevel level, std::string_view text) {
        std::lock_guard lock(log_mutex_);
        log_ += (level == LogLevel::Error ? "error: " : "") + std::string(text) + "\n";
    };
    if (auto error = open()) throw std::runtime_error(error.message() + "\n" + log());
}

boost::system::error_code RocksHarness::open() {
    store_.reset();
    auto opened = open_rocks_store(settings);
    if (!opened) return opened.error();
    store_ = std::move(*opened);
    store_->start(feed.handler());
    return {};
}

std::string RocksHarness::log() {
    std::lock_guard lock(log_mutex_);
    return log_;
}

// Holds the writer inside the feed, behind a batch that is refused and so leaves no trace.
void RocksHarness::gather() {
    feed.hold();
    Batch plug;
    plug.operations.resize(batch_operations_max + 1);
    const Ticket ticket = ++last_ticket_;
    store_->submit(ticket, {}, std::move(plug));
    feed.outcome(ticket);
}

Batch put(std::string key, std::string value) {
    return std::move(Batch().put(Family::Control, std::move(key), std::move(value)));
}

Batch put_expecting(std::string key, std::string value, Revision revision) {
    Batch batch = put(key, std::move(value));
    return std::move(batch.expect(Family::Control, std::move(key), revision));
}

std::string last_log(const std::string& path) {
    std::string last;
    for (const auto& entry : std::filesystem::directory_iterator(path))
        if (entry.path().extension() == ".log" && entry.file_size() > 0)
            last = std::max(last, entry.path().string());
    return last;
}

}   // namespace grid::test
