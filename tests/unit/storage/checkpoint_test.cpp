// tests/unit/storage/checkpoint_test.cpp: a copy of a store at work, and the life that it begins.
#include "storage/checkpoint.hpp"

#include <catch2/catch.hpp>
#include <filesystem>
#include <thread>

#include "faulty_fs.hpp"
#include "store_harness.hpp"

namespace checkpoint_test {

using namespace grid::test;
namespace fs = std::filesystem;

namespace {

RocksSettings copy_in(const std::string& path) {
    RocksSettings settings;
    settings.path = path;
    settings.open_files_max = 16;
    settings.free_bytes_min = 1;
    return settings;
}

std::string value_in(const RocksSettings& settings, const std::string& key) {
    std::string found = "(none)";
    const auto looked = look_at_checkpoint(settings, [&](const Snapshot& snapshot) {
        const auto value = snapshot.get(Family::Control, key);
        if (value && *value) found = (*value)->value;
    });
    REQUIRE(looked.has_value());
    return found;
}

}   // namespace

TEST_CASE("a checkpoint has what was committed before, and nothing from after it", "[rocks]") {
    RocksHarness h;
    const TemporaryDirectory folder;
    h.commit(put("n", "before"));
    const StoreStatus at = h.store().status();
    bool was_called = false;
    REQUIRE_FALSE(h.store().checkpoint(folder.path() + "/copy", [&] { was_called = true; }));
    CHECK(was_called);
    h.commit(put("n", "after"));
    const auto settings = copy_in(folder.path() + "/copy");
    const auto facts = look_at_checkpoint(settings);
    REQUIRE(facts.has_value());
    CHECK(facts->revision == at.revision);
    CHECK(facts->store_id == at.store_id);
    CHECK(facts->epoch == at.epoch);
    CHECK(value_in(settings, "n") == "before");
    CHECK(h.value(Family::Control, "n") == "after");
}

TEST_CASE("a checkpoint under load is a point of the feed", "[rocks]") {
    RocksHarness h;
    const TemporaryDirectory folder;
    constexpr Ticket count = 2'000;
    std::thread submitter([&] {
        for (Ticket ticket = 1; ticket <= count; ++ticket)
            while (!h.store().submit(ticket, {}, put("n", std::to_string(ticket))))
                std::this_thread::yield();
    });
    while (h.feed.groups() == 0) std::this_thread::yield();
    REQUIRE_FALSE(h.store().checkpoint(folder.path() + "/copy", [] {}));
    submitter.join();
    for (Ticket ticket = 1; ticket <= count; ++ticket) REQUIRE(h.feed.outcome(ticket).committed());
    const auto settings = copy_in(folder.path() + "/copy");
    const auto facts = look_at_checkpoint(settings);
    REQUIRE(facts.has_value());
    // Revisions are given one by one, and the value is the ticket's.
    const Ticket last = std::stoull(value_in(settings, "n"));
    CHECK(h.feed.outcome(last).revision == facts->revision);
}

TEST_CASE("a directory that is there takes no checkpoint", "[rocks]") {
    RocksHarness h;
    const TemporaryDirectory folder;
    bool was_called = false;
    CHECK(h.store().checkpoint(folder.path(), [&] { was_called = true; }));
    CHECK_FALSE(was_called);
    CHECK(h.commit(put("n", "1")).committed());
}

TEST_CASE("a store whose write failed gives no checkpoint", "[rocks]") {
    auto files = std::make_shared<FaultyFs>();
    RocksHarness h(files);
    const TemporaryDirectory folder;
    h.commit(put("n", "1"));
    files->fail_syncs(1, FaultyFs::Bytes::Lost);
    h.commit(put("n", "2"));
    CHECK(h.store().checkpoint(folder.path() + "/copy", [] {
    }) == make_error_code(Errc::WritesStopped));
    CHECK_FALSE(fs::exists(folder.path() + "/copy"));
}

TEST_CASE("a copy that begins an epoch gives no revision that the first life may have given") {
    RocksHarness h;
    const TemporaryDirectory folder;
    h.commit(put("n", "before"));
    REQUIRE_FALSE(h.store().checkpoint(folder.path() + "/copy", [] {}));
    const Outcome meanwhile = h.commit(put("n", "after"));
    const auto settings = copy_in(folder.path() + "/copy");
    const Millis now = look_at_checkpoint(settings)->time + 5;
    const auto before = begin_epoch(settings, now);
    REQUIRE(before.has_value());
    const auto after = look_at_checkpoint(settings);
    REQUIRE(after.has_value());
    CHECK(after->epoch == before->epoch + 1);
    CHECK(after->store_id == before->store_id);
    CHECK(after->revision > meanwhile.revision + epoch_gap / 2);
    CHECK(after->revision == before->revision + epoch_gap + 5 * revisions_per_milli_max);
    CHECK(after->time == before->time);
    CHECK(after->audit == before->audit);
    const auto reopened = open_rocks_store(settings);
    REQUIRE(reopened.has_value());
    CHECK((*reopened)->status().epoch == after->epoch);
    CHECK((*reopened)->status().revision == after->revision);
    CHECK(value_in(settings, "n") == "before");
}

TEST_CASE("what is no store is no checkpoint") {
    const TemporaryDirectory folder;
    CHECK_FALSE(look_at_checkpoint(copy_in(folder.path())).has_value());
    CHECK_FALSE(look_at_checkpoint(copy_in(folder.path() + "/nowhere")).has_value());
}

}   // namespace checkpoint_test
