// tests/unit/server/cluster/freshness_test.cpp: a member is as fresh as its memory is.
#include "server/cluster/freshness.hpp"

#include <catch2/catch.hpp>

namespace freshness_test {

using grid::server::cluster::Freshness;
using std::chrono::seconds;

namespace {

Freshness::TimePoint second(int number) { return Freshness::TimePoint(seconds(number)); }

}   // namespace

TEST_CASE("what the store has heard counts when memory follows it") {
    Freshness fresh(second(1));
    fresh.note(second(2), 10, 10);
    CHECK(fresh.heard() == second(2));
    // A long silence is over; the store is up to date at once, and memory far behind.
    fresh.note(second(60), 5'000, 10);
    CHECK(fresh.heard() == second(2));
    fresh.note(second(61), 5'000, 4'999);
    CHECK(fresh.heard() == second(2));
    fresh.note(second(62), 5'000, 5'000);
    CHECK(fresh.heard() == second(62));
}

TEST_CASE("memory that is always a little behind is fresh by as much less") {
    Freshness fresh(second(0));
    for (int now = 1; now <= 100; ++now) {
        const auto stored = static_cast<grid::storage::Revision>(now) * 100;
        fresh.note(second(now), stored, now == 1 ? 0 : stored - 150);
        if (now > 5) CHECK(fresh.heard() >= second(now - 4));
        CHECK(fresh.heard() <= second(now - 1));
    }
}

TEST_CASE("an older word changes nothing") {
    Freshness fresh(second(5));
    fresh.note(second(4), 10, 10);
    CHECK(fresh.heard() == second(5));
    fresh.note(second(6), 20, 10);
    fresh.note(second(7), 20, 20);
    CHECK(fresh.heard() == second(7));
    fresh.note(second(7), 30, 20);
    fresh.note(second(7), 30, 20);
    CHECK(fresh.heard() == second(7));
}

}   // namespace freshness_test
