// tests/unit/storage/rocks_failure_test.cpp: full disks and failed syncs tell no lies.
#include <catch2/catch.hpp>

#include "faulty_fs.hpp"
#include "store_harness.hpp"

namespace rocks_failure_test {

using namespace grid::test;

namespace {

using Group = std::vector<std::pair<Sender, Batch>>;

Group group_of(std::initializer_list<const char*> keys) {
    Group group;
    for (const char* key : keys) group.emplace_back(Sender{}, put(key, "x"));
    return group;
}

}   // namespace

TEST_CASE("a group is refused before it is written when space is short", "[rocks-failure]") {
    auto fs = std::make_shared<FaultyFs>();
    RocksHarness h(fs);
    const Revision before = h.commit(put("nA", "1")).revision;
    const auto contents = h.contents();
    const std::uint64_t syncs = fs->log_syncs();
    h.free_bytes = h.settings.free_bytes_min - 1;
    Group group = group_of({"nA", "nB"});
    group.emplace_back(Sender{}, std::move(Batch().erase(Family::Control, "nA")));
    for (const Outcome& outcome : h.commit(std::move(group))) CHECK(outcome.error == Errc::NoSpace);
    CHECK(h.contents() == contents);
    CHECK(fs->log_syncs() == syncs);
    CHECK(fs->unsynced_bytes() == 0);
    CHECK_FALSE(h.store().status().writable);
    CHECK(h.store().status().reason.find("bytes free") != std::string::npos);

    h.free_bytes = h.settings.free_bytes_min;   // somebody has made room
    CHECK(h.store().status().writable);
    CHECK(h.commit(put("nA", "2")).revision == before + 1);
    REQUIRE_FALSE(h.open());
    CHECK(h.contents().size() == 1);
}

TEST_CASE("the bound on free space is never less than four times the write buffers") {
    RocksHarness h;
    h.settings.free_bytes_min = 0;
    REQUIRE_FALSE(h.open());
    h.free_bytes = 4 * 96 * 1024 * 1024 - 1;
    CHECK(h.commit(put("nA", "1")).error == Errc::NoSpace);
    ++h.free_bytes;
    CHECK(h.commit(put("nA", "1")).committed());
}

TEST_CASE("after a failed sync nobody hears of success and nothing is applied", "[rocks-failure]") {
    const auto bytes = GENERATE(FaultyFs::Bytes::Landed, FaultyFs::Bytes::Lost);
    auto fs = std::make_shared<FaultyFs>();
    RocksHarness h(fs);
    const Revision before = h.commit(put("nA", "1")).revision;
    const auto contents = h.contents();
    const auto committed = h.feed.committed();

    fs->fail_syncs(1, bytes);
    Group group = group_of({"nA", "nB"});
    Batch soft = put("nC", "x");
    soft.is_volatile = true;
    group.emplace_back(Sender{}, std::move(soft));
    const auto outcomes = h.commit(std::move(group));
    CHECK(outcomes[0].error == Errc::UnknownOutcome);
    CHECK(outcomes[1].error == Errc::UnknownOutcome);
    CHECK(outcomes[2].error == Errc::WritesStopped);   // a volatile batch leaves nothing to find
    CHECK(h.feed.committed() == committed);
    CHECK(h.contents() == contents);   // reads go on, of what is known
    CHECK_FALSE(h.store().status().writable);
    CHECK(h.commit(put("nD", "x")).error == Errc::WritesStopped);   // though syncs would work again

    REQUIRE_FALSE(h.store().reopen());
    h.feed.wait_for_gaps(1);
    CHECK(h.store().status().writable);
    const bool landed = bytes == FaultyFs::Bytes::Landed;
    const auto after = h.contents();
    CHECK(after.size() == (landed ? 2 : 1));
    CHECK(h.value(Family::Control, "nA") == (landed ? "x" : "1"));
    CHECK(h.value(Family::Control, "nC") == "(none)");
    CHECK(h.value(Family::Control, "nD") == "(none)");

    const Outcome next = h.commit(put("nE", "1"));   // the gates and revisions follow the disk
    CHECK(next.revision > before + 2);
    CHECK(h.commit(std::move(Batch().expect(Family::Control, "nB", 0))).committed() != landed);
    fs->lose_unsynced();
    REQUIRE_FALSE(h.open());
    CHECK(h.contents().size() == after.size() + 1);
}

TEST_CASE("what is queued behind a failed group is refused as not written", "[rocks-failure]") {
    auto fs = std::make_shared<FaultyFs>();
    RocksHarness h(fs);
    h.settings.group_batches_max = 2;
    REQUIRE_FALSE(h.open());
    fs->fail_syncs(1, FaultyFs::Bytes::Lost);
    const auto outcomes = h.commit(group_of({"n1", "n2", "n3", "n4", "n5"}));
    CHECK(outcomes[0].error == Errc::UnknownOutcome);
    CHECK(outcomes[1].error == Errc::UnknownOutcome);
    for (std::size_t i = 2; i < 5; ++i) CHECK(outcomes[i].error == Errc::WritesStopped);
}

TEST_CASE("a write that fails stops writes just so", "[rocks-failure]") {
    const auto with = GENERATE(
        rocksdb::IOStatus::IOError("on command"), rocksdb::IOStatus::NoSpace("on command")
    );
    auto fs = std::make_shared<FaultyFs>();
    RocksHarness h(fs);
    h.commit(put("nA", "1"));
    fs->fail_appends(1, with);
    CHECK(h.commit(put("nA", "2")).error == Errc::UnknownOutcome);
    CHECK(h.commit(put("nA", "3")).error == Errc::WritesStopped);
    CHECK(h.value(Family::Control, "nA") == "1");
    REQUIRE_FALSE(h.store().reopen());
    CHECK(h.commit(put("nA", "4")).committed());
    fs->lose_unsynced();
    REQUIRE_FALSE(h.open());
    CHECK(h.value(Family::Control, "nA") == "4");
}

TEST_CASE("a table that cannot be written stops writes and does not resume", "[rocks-failure]") {
    auto fs = std::make_shared<FaultyFs>();
    RocksHarness h(fs);
    fs->fail_appends(1, rocksdb::IOStatus::NoSpace("on command"), ".sst");
    boost::system::error_code error;
    int committed = 0;
    for (int i = 0; i < 200 && !error; ++i) {   // fills the write buffer of the payloads
        Batch batch;
        batch.put(
            Family::Payload, "p" + std::to_string(i), std::string(512 * 1024, char('a' + i % 26))
        );
        error = h.commit(std::move(batch)).error;
        if (!error) ++committed;
    }
    CHECK((error == Errc::WritesStopped || error == Errc::UnknownOutcome));
    CHECK(committed > 10);
    CHECK_FALSE(h.store().status().writable);
    CHECK(h.commit(put("nA", "1")).error == Errc::WritesStopped);
    CHECK(h.value(Family::Payload, "p0").size() == 512 * 1024);
    REQUIRE_FALSE(h.store().reopen());
    CHECK(h.commit(put("nA", "1")).committed());
    for (int i = 0; i < committed; ++i)
        REQUIRE(h.value(Family::Payload, "p" + std::to_string(i)).size() == 512 * 1024);
}

TEST_CASE("a snapshot from before reopening says that it is closed", "[rocks-failure]") {
    RocksHarness h;
    h.commit(put("nA", "1"));
    const auto old = h.store().snapshot();
    REQUIRE_FALSE(h.store().reopen());
    CHECK(old->get(Family::Control, "nA").error() == Errc::Closed);
    CHECK(old->scan(Family::Control, {}, {}, false, [](std::string_view, const Record&) {
        return true;
    }) == Errc::Closed);
    CHECK(h.value(Family::Control, "nA") == "1");
}

TEST_CASE("a store that cannot be reopened stays stopped and can be tried again") {
    RocksHarness h;
    h.commit(put("nA", "1"));
    const std::string away = h.settings.path + ".away";
    std::filesystem::rename(h.settings.path, away);
    // No start may make an empty store in its place.
    {
        std::FILE* file = std::fopen(h.settings.path.c_str(), "w");
        std::fclose(file);
    }
    CHECK(h.store().reopen() == Errc::Io);
    CHECK(h.commit(put("nA", "2")).error == Errc::WritesStopped);
    CHECK(h.store().snapshot()->get(Family::Control, "nA").error() == Errc::Closed);
    std::filesystem::remove(h.settings.path);
    std::filesystem::rename(away, h.settings.path);
    CHECK_FALSE(h.store().reopen());
    CHECK(h.value(Family::Control, "nA") == "1");
    CHECK(h.commit(put("nA", "2")).committed());
}

TEST_CASE("what cannot be opened for writing can still be read", "[rocks-failure]") {
    auto fs = std::make_shared<FaultyFs>();
    RocksHarness h(fs);
    h.commit(put("nA", "1"));
    fs->fail_appends(1'000'000, rocksdb::IOStatus::IOError("on command"), "");
    CHECK(h.commit(put("nB", "1")).error == Errc::UnknownOutcome);
    for (int i = 0; i < 2; ++i) {
        CHECK(h.store().reopen());
        CHECK(h.value(Family::Control, "nA") == "1");
        CHECK(h.store().status().needs_reopen);
        CHECK(h.commit(put("nC", "1")).error == Errc::WritesStopped);
    }
    fs->fail_appends(0, rocksdb::IOStatus::OK(), "");
    CHECK_FALSE(h.store().reopen());
    CHECK(h.store().status().writable);
    CHECK(h.commit(put("nD", "1")).committed());
    CHECK(h.value(Family::Control, "nA") == "1");
}

TEST_CASE("a store is not reopened on a full disk, and goes on being read", "[rocks-failure]") {
    auto fs = std::make_shared<FaultyFs>();
    RocksHarness h(fs);
    h.commit(put("nA", "1"));
    fs->fail_syncs(1, FaultyFs::Bytes::Lost);
    CHECK(h.commit(put("nB", "1")).error == Errc::UnknownOutcome);
    h.free_bytes = 0;
    const auto before = h.store().snapshot();
    CHECK(h.store().reopen() == Errc::NoSpace);
    CHECK(before->get(Family::Control, "nA").has_value());   // the files were not closed
    CHECK(h.store().status().needs_reopen);
    h.free_bytes = h.settings.free_bytes_min;
    CHECK_FALSE(h.store().reopen());
    CHECK(h.commit(put("nB", "1")).committed());
}

}   // namespace rocks_failure_test
