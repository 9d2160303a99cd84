// tests/unit/server/net/marks_test.cpp: the bytes that a peer has read, as far as TCP tells.
#include "server/net/marks.hpp"

#include <catch2/catch.hpp>

namespace grid::server::net::marks_test {

using namespace std::chrono_literals;

namespace {
const auto start = Marks::Clock::time_point{} + 1h;
constexpr std::uint64_t window = 6 * 1024 * 1024;
}   // namespace

TEST_CASE("a mark reaches the machine when TCP has acknowledged what was before it") {
    Marks marks;
    marks.add(7, 100);
    CHECK(marks.reached(1'000, start).machine == 0);   // not in the socket yet
    marks.on_sent(99, 500);
    CHECK(marks.reached(1'000, start).machine == 0);
    marks.on_sent(100, 600);
    CHECK(marks.reached(599, start).machine == 0);
    CHECK(marks.reached(600, start).machine == 7);
    CHECK(marks.reached(600, start).reader == 0);   // the reader may die with these bytes unread
}

TEST_CASE("what was acknowledged counts as read some seconds later") {
    Marks marks;
    marks.add(7, 100);
    marks.on_sent(100, 600);
    CHECK(marks.reached(600, start).reader == 0);
    CHECK(marks.reached(600, start + 4s).reader == 0);
    CHECK(marks.reached(600, start + 5s).reader == 7);
}

TEST_CASE("or when a receive buffer more was acknowledged") {
    Marks marks;
    marks.add(7, 100);
    marks.on_sent(100, 600);
    marks.add(8, 100 + window);
    marks.on_sent(100 + window, 600 + window);
    const auto reached = marks.reached(600 + window, start);
    CHECK(reached.reader == 7);
    CHECK(reached.machine == 8);
}

TEST_CASE("many marks are thinned, the oldest is kept") {
    Marks marks;
    for (std::uint64_t number = 1; number <= 1'000; ++number) {
        marks.add(number, number);
        marks.on_sent(number, number);
    }
    const auto reached = marks.reached(1'000, start);
    CHECK(reached.machine == 1'000);
    CHECK(marks.reached(1, start + 1h).reader == 1);
    CHECK(marks.reached(1'000, start + 1h).reader == 1'000);
    CHECK(marks.reached(1'000, start + 2h).reader == 1'000);   // the newest that was read stays
}

TEST_CASE("numbers only grow") {
    Marks marks;
    marks.add(9, 100);
    marks.add(3, 200);
    marks.on_sent(200, 200);
    CHECK(marks.reached(200, start).machine == 9);
}

}   // namespace grid::server::net::marks_test
