// tests/unit/server/cluster/standing_test.cpp: a member for which nobody waits takes no requests,
// until the others wait for it again.
#include "server/cluster/standing.hpp"

#include <catch2/catch.hpp>

namespace standing_test {

using grid::server::cluster::Standing;
using namespace std::chrono_literals;

namespace {

constexpr Standing::TimePoint start{100s};

/// With a staleness of two seconds at the most.
struct Begun : Standing {
    Begun() : Standing(2'000ms) {
        begin();
        recorded(true, start);
        look(start, start + 1s);
    }
};

}   // namespace

TEST_CASE("a member takes requests when it has heard all that came before its record was read") {
    Standing standing(2'000ms);
    CHECK_FALSE(standing.look(start, start));
    standing.recorded(false, start);   // written before it began
    standing.begin();
    standing.recorded(false, start);
    CHECK(standing.look(start + 100ms, start + 100ms));
    CHECK_FALSE(standing.is_in());
    standing.recorded(true, start + 200ms);
    // The time of what was heard counts: a change may have been committed since.
    CHECK(standing.look(start + 1'900ms, start + 1'199ms));
    CHECK_FALSE(standing.is_in());
    CHECK_FALSE(standing.has_been_in());
    CHECK(standing.look(start + 1'900ms, start + 1'200ms));
    CHECK(standing.is_in());
    CHECK(standing.has_been_in());
}

TEST_CASE("a short silence changes no record") {
    Begun standing;
    CHECK(standing.look(start + 3'900ms, start));
    CHECK(standing.is_in());   // the silence is the reason for refusals
    CHECK(standing.look(start + 4s, start + 4s));
    CHECK(standing.is_in());
}

TEST_CASE("a member that cannot follow is not waited for until it can, and the others know") {
    Begun standing;
    CHECK_FALSE(standing.look(start + 5s, start));
    CHECK_FALSE(standing.is_in());
    standing.recorded(false, start + 5s);
    CHECK_FALSE(standing.look(start + 60s, start));
    CHECK(standing.look(start + 61s, start + 61s));
    CHECK_FALSE(standing.is_in());   // the record does not say so yet
    CHECK(standing.look(start + 62s, start + 62s));
    CHECK_FALSE(standing.is_in());
    standing.recorded(true, start + 63s);
    CHECK(standing.look(start + 64'500ms, start + 63'900ms));
    CHECK_FALSE(standing.is_in());
    CHECK(standing.look(start + 64'500ms, start + 64s));
    CHECK(standing.is_in());
}

TEST_CASE("a change of the record that is under way is waited for") {
    Begun standing;
    CHECK_FALSE(standing.look(start + 5s, start));
    // The record that is read is still the old one: its change could arrive at any time.
    CHECK_FALSE(standing.look(start + 6s, start + 6s));
    standing.recorded(true, start + 6s);
    CHECK_FALSE(standing.look(start + 7s, start + 7s));
    CHECK_FALSE(standing.is_in());
    standing.recorded(false, start + 7'100ms);
    CHECK(standing.look(start + 7'200ms, start + 7'200ms));
    CHECK_FALSE(standing.is_in());
    standing.recorded(true, start + 7'300ms);
    CHECK(standing.look(start + 8'300ms, start + 8'300ms));
    CHECK(standing.is_in());
}

TEST_CASE("a lease that was lost ends it, too") {
    Begun standing;
    standing.lost();
    CHECK_FALSE(standing.is_in());
    CHECK(standing.look(start + 1s, start + 1s));
    CHECK_FALSE(standing.is_in());
    standing.recorded(true, start + 2s);
    CHECK(standing.look(start + 3s, start + 3s));
    CHECK(standing.is_in());
}

}   // namespace standing_test
