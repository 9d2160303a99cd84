// tests/unit/storage/store_harness.hpp: drives a store from a test and collects what it feeds.
#pragma once

#include <condition_variable>
#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "storage/memory_store.hpp"
#include "storage/rocks_store.hpp"

namespace grid::test {

using namespace grid::storage;

/// The outcome of a batch.
struct Outcome {
    boost::system::error_code error;
    Revision revision = 0;
    Millis time = 0;
    Batch batch;
    bool committed() const { return !error; }
};

/// A feed handler that remembers, and that can be held so that a group gathers behind it.
class Feed {
public:
    FeedHandler handler();
    /// Waits until the outcome of a ticket has come.
    Outcome outcome(Ticket ticket);
    void wait_for_gaps(std::size_t count);
    void hold();
    void release();
    std::size_t groups();
    /// Tickets of committed batches, as they came.
    std::vector<Ticket> committed();

private:
    void take(std::vector<FeedEntry> entries);

    std::mutex mutex_;
    std::condition_variable changed_;
    std::map<Ticket, Outcome> outcomes_;
    std::vector<Ticket> committed_;
    std::size_t groups_ = 0, gaps_ = 0;
    bool held_ = false;
};

/// A directory that goes with the test.
class TemporaryDirectory {
public:
    TemporaryDirectory();
    ~TemporaryDirectory();
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    const std::string& path() const { return path_; }

private:
    std::string path_;
};

/// A store and its feed, in a form that is the same for both backends.
class Harness {
public:
    virtual ~Harness() = default;
    virtual Store& store() = 0;
    /// Commits all as one group and returns the outcome of each.
    std::vector<Outcome> commit(std::vector<std::pair<Sender, Batch>> batches);
    Outcome commit(Batch batch);
    std::optional<Snapshot::Value> get(Family family, std::string_view key);
    std::string value(Family family, std::string_view key);   // "(none)" for a key without a record
    /// Keys and values of Control and Index as a scan shows them: "C key=value@revision".
    std::vector<std::string> contents();

    Feed feed;
    Millis now = 1'000'000;

protected:
    virtual void flush() = 0;
    virtual void gather() = 0;
    Ticket last_ticket_ = 0;
};

class MemoryHarness final : public Harness {
public:
    MemoryHarness();
    Store& store() override { return *store_; }

protected:
    void flush() override { store_->run(); }
    void gather() override {}

private:
    std::unique_ptr<MemoryStore> store_;
};

class RocksHarness final : public Harness {
public:
    explicit RocksHarness(std::shared_ptr<rocksdb::FileSystem> file_system = nullptr);
    Store& store() override { return *store_; }
    /// Opens `settings` again, with a new feed; what open_rocks_store said otherwise.
    boost::system::error_code open();
    void close() { store_.reset(); }
    std::string log();

    TemporaryDirectory directory;
    RocksSettings settings;
    std::uint64_t free_bytes = ~0ull;

protected:
    void flush() override { feed.release(); }
    void gather() override;

private:
    std::mutex log_mutex_;
    std::string log_;
    std::unique_ptr<Store> store_;
};

/// Of the family Control.
Batch put(std::string key, std::string value);
Batch put_expecting(std::string key, std::string value, Revision revision);

/// The newest file of RocksDB's own log there that has records.
std::string last_log(const std::string& path);

}   // namespace grid::test

/// A test case that runs on both backends, as TestType.
#define ON_BOTH(name) \
    TEMPLATE_TEST_CASE(name, "[store]", grid::test::MemoryHarness, grid::test::RocksHarness)
