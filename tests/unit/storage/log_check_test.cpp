// tests/unit/storage/log_check_test.cpp: a torn end is dropped, a hole stops the start.
#include "storage/log_check.hpp"

#include <catch2/catch.hpp>
#include <fstream>

#include "store_harness.hpp"

namespace log_check_test {

using namespace grid::test;

namespace {

/// Where the log has that text.
std::size_t place_in(const std::string& file, const std::string& text) {
    std::ifstream in(file, std::ios::binary);
    const std::string all((std::istreambuf_iterator<char>(in)), {});
    const std::size_t at = all.find(text);
    REQUIRE(at != std::string::npos);
    return at;
}

void damage(const std::string& file, std::size_t at) {
    std::fstream bytes(file, std::ios::in | std::ios::out | std::ios::binary);
    bytes.seekp(static_cast<std::streamoff>(at));
    bytes.put('#');
    REQUIRE(bytes.good());
}

std::string long_text(char letter) { return "begin-" + std::string(100'000, letter) + "-end"; }

}   // namespace

TEST_CASE("damage in the last record of the log is taken for a torn write", "[log-check]") {
    RocksHarness h;
    for (const char* text : {"first-record", "second-record", "third-record"})
        h.commit(put("nA", text));
    h.close();
    const std::string log = last_log(h.settings.path);
    const std::size_t at = place_in(log, "third-record");
    SECTION("when it was cut short") { std::filesystem::resize_file(log, at + 3); }
    SECTION("when its bytes are wrong") { damage(log, at); }
    SECTION("when its length is wrong") { damage(log, at - 36); }
    REQUIRE_FALSE(h.open());
    CHECK(h.log().find("an unfinished write at the end of the log") != std::string::npos);
    CHECK(h.value(Family::Control, "nA") == "second-record");
    CHECK(h.commit(put("nA", "fourth")).committed());
    REQUIRE_FALSE(h.open());
    CHECK(h.value(Family::Control, "nA") == "fourth");
}

TEST_CASE("a torn record of many blocks is dropped, whichever of its pages are there") {
    RocksHarness h;
    h.commit(put("nA", "first-record"));
    h.commit(put("nA", long_text('y')));
    h.close();
    const std::string log = last_log(h.settings.path);
    const std::size_t begin = place_in(log, "begin-");
    for (std::size_t lost : {std::size_t{10}, std::size_t{40'000}, std::size_t{99'000}}) {
        damage(log, begin + lost);
        const std::string copy = h.settings.path + ".copy";
        std::filesystem::copy(h.settings.path, copy);
        RocksSettings settings = h.settings;
        settings.path = copy;
        auto opened = open_rocks_store(settings);
        REQUIRE(opened);
        CHECK((*opened)->snapshot()->get(Family::Control, "nA").value()->value == "first-record");
        opened->reset();
        std::filesystem::remove_all(copy);
    }
}

TEST_CASE("damage before acknowledged records stops the start", "[log-check]") {
    RocksHarness h;
    h.commit(put("nA", "first-record"));
    h.commit(put("nA", "second-record"));
    h.commit(put("nA", "third-record"));
    h.commit(put("nA", long_text('z')));
    h.commit(put("nA", "last-record"));
    h.close();
    const std::string log = last_log(h.settings.path);
    SECTION("in the first record") { damage(log, place_in(log, "first-record")); }
    SECTION("in the same block") { damage(log, place_in(log, "second-record")); }
    SECTION("in its length") { damage(log, place_in(log, "second-record") - 36); }
    SECTION("in another block") { damage(log, place_in(log, "begin-") + 50'000); }
    SECTION("right before the last") { damage(log, place_in(log, "-end")); }
    CHECK(h.open() == Errc::Corrupt);
    CHECK(h.log().find("acknowledged changes up to") != std::string::npos);
    CHECK(h.open() == Errc::Corrupt);   // and looking did not change the files
    CHECK(open_rocks_snapshot(h.settings).error() == Errc::Corrupt);   // nor is it read as whole
}

TEST_CASE("a reader beside a server that writes takes what it can see", "[log-check]") {
    RocksHarness h;
    h.commit(put("nA", "first-record"));
    CHECK(open_rocks_snapshot(h.settings).has_value());
    h.commit(put("nA", "second-record"));
    h.close();
    const auto snapshot = open_rocks_snapshot(h.settings);
    REQUIRE(snapshot.has_value());
    CHECK((*snapshot)->get(Family::Control, "nA").value()->value == "second-record");
}

TEST_CASE("a log that was not closed ends with zeros, which are no damage", "[log-check]") {
    RocksHarness h;
    h.commit(put("nA", "first-record"));
    h.commit(put("nA", long_text('y')));
    h.commit(put("nA", "last-record"));
    const std::string log = last_log(h.settings.path), copy = h.settings.path + ".copy";
    const std::size_t end = place_in(log, "last-record") + std::string("last-record").size();
    CHECK(std::filesystem::file_size(log) > end + 32 * 1024);
    std::filesystem::copy(h.settings.path, copy);   // as a crash leaves it
    LogCheck check;
    REQUIRE(LogCheck::run(*rocksdb::Env::Default(), copy, &check).ok());
    CHECK_FALSE(check.is_damaged());
    CHECK_FALSE(check.has_gap());
    RocksSettings settings = h.settings;
    settings.path = copy;
    auto opened = open_rocks_store(settings);
    REQUIRE(opened);
    CHECK((*opened)->snapshot()->get(Family::Control, "nA").value()->value == "last-record");
    opened->reset();
    h.close();   // closed, it has its true size
    CHECK(std::filesystem::file_size(log) < end + 32 * 1024);
}

TEST_CASE("a gap of zeros before acknowledged records stops the start", "[log-check]") {
    RocksHarness h;
    h.commit(put("nA", "first-record"));
    h.commit(put("nA", long_text('z')));
    h.commit(put("nA", "last-record"));
    h.close();
    const std::string log = last_log(h.settings.path);
    const std::size_t first = place_in(log, "begin-"), last = place_in(log, "-end");
    // From somewhere in the first record on to the block in which the last one begins.
    const std::size_t block = 32 * 1024;
    REQUIRE(first / block < last / block);
    std::fstream bytes(log, std::ios::in | std::ios::out | std::ios::binary);
    std::size_t from = 0;
    SECTION("from the beginning of the file") {}
    SECTION("from within the first block") { from = first; }
    bytes.seekp(static_cast<std::streamoff>(from));
    bytes << std::string(last / block * block - from, '\0');
    bytes.close();
    CHECK(h.open() == Errc::Corrupt);
}

TEST_CASE("a torn log that outlives its replay does not stop later starts", "[log-check]") {
    RocksHarness h;
    h.commit(put("nA", "first-record"));
    h.commit(put("nA", "second-record"));
    h.close();
    const std::string log = last_log(h.settings.path), aside = h.directory.path() + "/aside";
    std::filesystem::resize_file(log, place_in(log, "second-record") + 3);
    std::filesystem::copy(log, aside);
    REQUIRE_FALSE(h.open());
    h.commit(put("nA", "third-record"));
    h.commit(put("nA", "fourth-record"));
    h.close();
    std::filesystem::copy(aside, log);   // the deletion was not durable
    REQUIRE_FALSE(h.open());
    CHECK(h.value(Family::Control, "nA") == "fourth-record");
}

TEST_CASE("a whole log of records of all sizes is whole", "[log-check]") {
    RocksHarness h;
    for (std::size_t size : {1u, 100u, 32'700u, 32'760u, 32'768u, 65'536u, 200'000u, 5u})
        h.commit(put("nA", std::string(size, 'x')));
    for (std::size_t i = 0; i < 400; ++i) h.commit(put("nA", std::string(i, 'x')));
    h.close();
    LogCheck check;
    REQUIRE(LogCheck::run(*rocksdb::Env::Default(), h.settings.path, &check).ok());
    CHECK_FALSE(check.is_damaged());
    CHECK(check.acknowledged() > 800);   // a key and the head per commit
    REQUIRE_FALSE(h.open());
    CHECK(h.value(Family::Control, "nA").size() == 399);
}

}   // namespace log_check_test
