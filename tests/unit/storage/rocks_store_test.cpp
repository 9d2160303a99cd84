// tests/unit/storage/rocks_store_test.cpp: the behaviour of the store on disk only.
#include <catch2/catch.hpp>
#include <fstream>
#include <thread>

#include "faulty_fs.hpp"
#include "store_harness.hpp"

#include <rocksdb/db.h>

namespace rocks_store_test {

using namespace grid::test;

TEST_CASE("commits of many threads share their syncs", "[rocks]") {
    auto fs = std::make_shared<FaultyFs>();
    RocksHarness h(fs);
    constexpr int threads = 8, each = 250;
    const std::uint64_t syncs_before = fs->log_syncs();
    std::vector<std::thread> submitters;
    for (int t = 0; t < threads; ++t) {
        submitters.emplace_back([&, t] {
            for (int i = 0; i < each; ++i)
                h.store().submit(
                    static_cast<Ticket>(1 + t * each + i), {static_cast<std::uint64_t>(t + 1), 0},
                    put("n" + std::to_string(t), std::to_string(i))
                );
        });
    }
    for (auto& thread : submitters) thread.join();
    for (Ticket ticket = 1; ticket <= threads * each; ++ticket)
        REQUIRE(h.feed.outcome(ticket).committed());
    const std::uint64_t syncs = fs->log_syncs() - syncs_before;
    const StoreStatus status = h.store().status();
    INFO(syncs << " syncs for " << threads * each << " commits");
    CHECK(syncs * 4 < threads * each);
    CHECK(syncs >= threads * each / h.settings.group_batches_max);
    CHECK(status.commits == threads * each);
    CHECK(status.syncs == syncs);
    for (int t = 0; t < threads; ++t)
        CHECK(h.value(Family::Control, "n" + std::to_string(t)) == std::to_string(each - 1));
}

TEST_CASE("a group is one write, one sync and one call of the feed", "[rocks]") {
    auto fs = std::make_shared<FaultyFs>();
    RocksHarness h(fs);
    h.commit(put("n", "0"));
    std::vector<std::pair<Sender, Batch>> group;
    for (int i = 0; i < 100; ++i) group.emplace_back(Sender{}, put("n", std::to_string(i)));
    const std::uint64_t syncs = fs->log_syncs(), groups = h.feed.groups();
    h.commit(std::move(group));
    CHECK(fs->log_syncs() == syncs + 1);
    CHECK(h.feed.groups() == groups + 2);   // the batch that held the writer, and the group
}

TEST_CASE("a group of volatile batches needs no sync", "[rocks]") {
    auto fs = std::make_shared<FaultyFs>();
    RocksHarness h(fs);
    const auto soft = [] {
        Batch batch = put("n", "x");
        batch.is_volatile = true;
        return batch;
    };
    h.commit(soft());   // this one marks revisions as given out
    const std::uint64_t syncs = fs->log_syncs();
    for (int i = 0; i < 20; ++i) CHECK(h.commit(soft()).committed());
    CHECK(fs->log_syncs() == syncs);
    CHECK(h.value(Family::Control, "n") == "(none)");
}

TEST_CASE("revision and time go on where they were after reopening", "[rocks]") {
    RocksHarness h;
    h.now = 9'000;
    const Outcome before = h.commit(put("n", "1"));
    const StoreStatus status = h.store().status();
    h.now = 4'000;
    REQUIRE_FALSE(h.open());
    CHECK(h.store().status().revision == before.revision);
    CHECK(h.store().status().store_id == status.store_id);
    CHECK(h.store().status().epoch == 1);
    CHECK(status.store_id.size() == 32);
    const Outcome after = h.commit(put("n", "2"));
    CHECK(after.revision == before.revision + 1);
    CHECK(after.time == 9'000);
    CHECK(h.value(Family::Control, "n") == "2");
}

TEST_CASE("the revision of a volatile batch does not come again after a crash", "[rocks]") {
    auto fs = std::make_shared<FaultyFs>();
    RocksHarness h(fs);
    h.commit(put("n", "1"));
    Revision last = 0;
    for (int i = 0; i < 3; ++i) {
        Batch batch;
        batch.is_volatile = true;
        last = h.commit(std::move(batch)).revision;
    }
    fs->lose_unsynced();
    REQUIRE_FALSE(h.open());
    CHECK(h.commit(put("n", "2")).revision > last);
    CHECK(h.value(Family::Control, "n") == "2");
}

TEST_CASE("revisions go on after values and gates were read back from disk", "[rocks]") {
    RocksHarness h;
    const Revision gate = h.commit(put("nGate", "1")).revision;
    REQUIRE_FALSE(h.open());
    Batch batch = put("nA", "1");
    CHECK(h.commit(std::move(batch.expect(Family::Control, "nGate", gate))).committed());
    CHECK(
        h.commit(std::move(Batch().expect(Family::Control, "nGate", gate + 1))).error ==
        Errc::Conflict
    );
    CHECK(h.commit(std::move(Batch().expect(Family::Control, "nOther", 0))).committed());
}

TEST_CASE("a gate that has fallen out of the known revisions is read from disk", "[rocks]") {
    RocksHarness h;
    const Revision gate = h.commit(put("nGate", "1")).revision;
    constexpr int keys = 80'000;   // more than are kept
    for (int i = 0; i < keys; i += 100) {
        Batch batch;
        for (int j = i; j < i + 100; ++j) batch.put(Family::Control, "m" + std::to_string(j), "");
        REQUIRE(h.commit(std::move(batch)).committed());
    }
    CHECK(
        h.commit(std::move(Batch().expect(Family::Control, "nGate", gate + 1))).error ==
        Errc::Conflict
    );
    CHECK(h.commit(std::move(Batch().expect(Family::Control, "nGate", gate))).committed());
    CHECK(h.commit(std::move(Batch().expect(Family::Control, "m5", 0))).error == Errc::Conflict);
}

TEST_CASE("the queue is bounded in bytes", "[rocks]") {
    RocksHarness h;
    h.settings.queue_bytes_max = 10'000;
    REQUIRE_FALSE(h.open());
    h.feed.hold();
    Batch plug;
    plug.is_volatile = true;
    plug.event = "plug";
    h.store().submit(1, {}, std::move(plug));
    h.feed.outcome(1);
    int fitted = 0;
    while (fitted < 100 && h.store().submit(2, {}, put("n", std::string(999, 'x')))) ++fitted;
    CHECK(fitted == 9);   // bytes in flight count too
    CHECK(h.store().status().queued_bytes == 9'004);
    h.feed.release();
    CHECK(h.feed.outcome(2).committed());
}

TEST_CASE("closing refuses what is queued and keeps what is in flight", "[rocks]") {
    RocksHarness h;
    h.feed.hold();
    h.store().submit(1, {}, put("n", "in flight"));
    CHECK(h.feed.outcome(1).committed());
    h.store().submit(2, {}, put("n", "queued"));
    std::thread closing([&] { h.close(); });
    // The destructor waits for the feed; only then can it refuse.
    h.feed.release();
    closing.join();
    const Outcome queued = h.feed.outcome(2);
    REQUIRE_FALSE(h.open());
    CHECK(h.value(Family::Control, "n") == (queued.committed() ? "queued" : "in flight"));
    if (!queued.committed()) CHECK(queued.error == Errc::Closed);
}

TEST_CASE("a store that is open cannot be opened again", "[rocks]") {
    RocksHarness h;
    const auto second = open_rocks_store(h.settings);
    REQUIRE_FALSE(second);
    CHECK(second.error() == Errc::Locked);
    CHECK(h.log().find("another process has the store open") != std::string::npos);
    CHECK(h.commit(put("n", "1")).committed());
}

TEST_CASE("another schema, another program's files and no permission are told apart", "[rocks]") {
    RocksHarness h;
    h.commit(put("n", "1"));
    h.close();
    const auto change_header = [&](std::string_view value) {
        rocksdb::DB* db = nullptr;
        std::vector<rocksdb::ColumnFamilyHandle*> handles;
        std::vector<rocksdb::ColumnFamilyDescriptor> families;
        for (const char* name : {"default", "index", "payload", "audit"})
            families.emplace_back(name, rocksdb::ColumnFamilyOptions());
        REQUIRE(rocksdb::DB::Open({}, h.settings.path, families, &handles, &db).ok());
        db->Put({}, handles[0], rocksdb::Slice("\0header", 7), rocksdb::Slice(value));
        for (auto* handle : handles) db->DestroyColumnFamilyHandle(handle);
        delete db;
    };
    const std::string stamp(16, '\0');
    change_header(stamp + "gridd" + std::string("\0\0\0\x63", 4));
    CHECK(h.open() == Errc::WrongSchema);
    CHECK(h.log().find("has schema 99, this program reads 1") != std::string::npos);
    change_header(stamp + "something else");
    CHECK(h.open() == Errc::WrongSchema);

    TemporaryDirectory other;
    h.settings.path = other.path();
    rocksdb::DB* db = nullptr;
    rocksdb::Options options;
    options.create_if_missing = true;
    REQUIRE(rocksdb::DB::Open(options, other.path(), &db).ok());
    db->Put({}, "somebody's key", "value");
    delete db;
    CHECK(h.open() == Errc::WrongSchema);

    h.settings.path = "/proc/no-such-place";
    CHECK(h.open() == Errc::Io);
    CHECK(h.log().find("/proc/no-such-place") != std::string::npos);
}

TEST_CASE("a lost table is Corrupt and says which", "[rocks]") {
    RocksHarness h;
    h.commit(put("n", "1"));
    REQUIRE_FALSE(h.open());   // the log becomes a table
    h.close();
    for (const auto& entry : std::filesystem::directory_iterator(h.settings.path))
        if (entry.path().extension() == ".sst") std::filesystem::remove(entry.path());
    const auto error = h.open();
    INFO(h.log());
    CHECK(error == Errc::Corrupt);
}

TEST_CASE("addresses that were prepared with other Unicode tables are reported once", "[rocks]") {
    RocksHarness h;
    h.settings.unicode_version = "16.0";
    REQUIRE_FALSE(h.open());
    const std::string log = h.log();
    CHECK(log.find("Unicode '15.0', this program has '16.0'") != std::string::npos);
    REQUIRE_FALSE(h.open());
    CHECK(h.log() == log);
}

TEST_CASE("no log file of the storage engine lies on the data volume", "[rocks]") {
    RocksHarness h;
    h.commit(put("n", "1"));
    for (const auto& entry : std::filesystem::directory_iterator(h.settings.path))
        CHECK(entry.path().filename().string().substr(0, 3) != "LOG");
}

TEST_CASE("reads run on other threads and see what was committed", "[rocks]") {
    RocksHarness h;
    h.commit(put("n", "1"));
    std::mutex mutex;
    std::condition_variable done;
    std::vector<std::string> seen;
    for (int i = 0; i < 10; ++i) {
        h.store().read([&](const Snapshot& view) {
            std::lock_guard lock(mutex);
            CHECK(std::this_thread::get_id() != std::thread::id());
            seen.push_back(view.get(Family::Control, "n").value()->value);
            done.notify_all();
        });
    }
    std::unique_lock lock(mutex);
    done.wait(lock, [&] { return seen.size() == 10; });
    CHECK(seen == std::vector<std::string>(10, "1"));
}

}   // namespace rocks_store_test
