// tests/unit/controller/audit_tail_test.cpp: the newest records behind one that is known.
#include "controller/audit/tail.hpp"

#include "audit_files.hpp"

namespace audit_tail_test {

using namespace grid;
using namespace grid::controller;
using test::batch_of;
using test::Files;

namespace {

audit::Tail tail_of(storage::Store& store, const std::string& after, std::size_t max) {
    auto tail = audit::read_tail(*store.snapshot(), after, max);
    REQUIRE(tail.has_value());
    return std::move(*tail);
}

std::vector<std::uint64_t> numbers(const audit::Tail& tail) {
    std::vector<std::uint64_t> found;
    for (const auto& entry : tail.entries) found.push_back(entry.link.number);
    return found;
}

}   // namespace

TEST_CASE("without a known record only the newest one is told") {
    Files(0).with_store([](storage::Store& store) { CHECK(tail_of(store, "", 10).last.empty()); });
    Files(3).with_store([](storage::Store& store) {
        const auto tail = tail_of(store, "", 10);
        CHECK(tail.last.size() == 2 * audit::key_bytes);
        CHECK(tail.entries.empty());
        CHECK(tail.missed == 0U);
    });
}

TEST_CASE("the records behind a known one come in order, and none is missed") {
    Files files(3);
    files.with_store([&](storage::Store& store) {
        const std::string known = tail_of(store, "", 10).last;
        CHECK(tail_of(store, known, 10).entries.empty());
        for (int i = 4; i <= 6; ++i) REQUIRE(files.commit(store, batch_of(i)));
        const auto tail = tail_of(store, known, 10);
        CHECK(numbers(tail) == std::vector<std::uint64_t>{4, 5, 6});
        CHECK(tail.missed == 0U);
        CHECK(tail.last == tail.entries.back().id);
    });
}

TEST_CASE("of more records than are wanted the newest come, and the rest is counted") {
    Files files(3);
    files.with_store([&](storage::Store& store) {
        const std::string known = tail_of(store, "", 10).last;
        for (int i = 4; i <= 9; ++i) REQUIRE(files.commit(store, batch_of(i)));
        const auto tail = tail_of(store, known, 2);
        CHECK(numbers(tail) == std::vector<std::uint64_t>{8, 9});
        CHECK(tail.missed == 4U);
        CHECK(numbers(tail_of(store, known, 6)) == std::vector<std::uint64_t>{4, 5, 6, 7, 8, 9});
        CHECK(tail_of(store, known, 6).missed == 0U);
    });
}

TEST_CASE("behind a record that is not there it is not known how many were missed") {
    Files files(5);
    files.with_store([](storage::Store& store) {
        const std::string none(2 * audit::key_bytes, '0');
        const auto tail = tail_of(store, none, 2);
        CHECK(numbers(tail) == std::vector<std::uint64_t>{4, 5});
        CHECK_FALSE(tail.missed.has_value());
        // One of another server, far ahead.
        const std::string ahead(2 * audit::key_bytes, 'f');
        CHECK(tail_of(store, ahead, 2).entries.empty());
        CHECK(tail_of(store, ahead, 2).missed == 0U);
    });
}

}   // namespace audit_tail_test
