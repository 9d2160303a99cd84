// tests/unit/server/net/turn_test.cpp: a turn ends after so many stanzas or so long, by a clock of
// the test.
#include "server/net/turn.hpp"

#include <catch2/catch.hpp>

namespace turn_test {

using grid::server::net::Turn;
using namespace std::chrono_literals;

TEST_CASE("a turn ends with its stanzas, and begins anew") {
    const Turn::Clock::time_point start(1h);
    Turn turn;
    turn.begin(start);
    for (std::size_t i = 1; i < Turn::stanzas_max; ++i) turn.count_stanza();
    CHECK_FALSE(turn.is_over(start));
    turn.count_stanza();
    CHECK(turn.is_over(start));
    turn.begin(start);
    CHECK_FALSE(turn.is_over(start));
}

TEST_CASE("a turn ends with its time, though no stanza was complete") {
    const Turn::Clock::time_point start(1h);
    Turn turn;
    turn.begin(start);
    CHECK_FALSE(turn.is_over(start + Turn::time_max - 1us));
    CHECK(turn.is_over(start + Turn::time_max));
    turn.begin(start + Turn::time_max);
    CHECK_FALSE(turn.is_over(start + Turn::time_max));
}

}   // namespace turn_test
