// tests/unit/server/c2s/delivery_marks_test.cpp: the bytes that a peer has read, as far as TCP
// tells.
#include "server/c2s/delivery_marks.hpp"

#include <catch2/catch.hpp>

namespace grid::server::c2s::delivery_marks_test {

using namespace std::chrono_literals;

namespace {
const auto start = DeliveryMarks::Clock::time_point{} + 1h;
constexpr std::uint64_t window = 6 * 1024 * 1024;
}   // namespace

TEST_CASE("a mark reaches the machine when TCP has acknowledged what was before it") {
    DeliveryMarks marks;
    marks.add(7, 100);
    CHECK(marks.acked(1'000, start).kernel == 0);   // not in the socket yet
    marks.on_sent(99, 500);
    CHECK(marks.acked(1'000, start).kernel == 0);
    marks.on_sent(100, 600);
    CHECK(marks.acked(599, start).kernel == 0);
    CHECK(marks.acked(600, start).kernel == 7);
    CHECK(marks.acked(600, start).application == 0);   // the reader may die with these bytes unread
}

TEST_CASE("what was acknowledged counts as read some seconds later") {
    DeliveryMarks marks;
    marks.add(7, 100);
    marks.on_sent(100, 600);
    CHECK(marks.acked(600, start).application == 0);
    CHECK(marks.acked(600, start + 4s).application == 0);
    CHECK(marks.acked(600, start + 5s).application == 7);
}

TEST_CASE("or when a receive buffer more was acknowledged") {
    DeliveryMarks marks;
    marks.add(7, 100);
    marks.on_sent(100, 600);
    marks.add(8, 100 + window);
    marks.on_sent(100 + window, 600 + window);
    const auto acked = marks.acked(600 + window, start);
    CHECK(acked.application == 7);
    CHECK(acked.kernel == 8);
}

TEST_CASE("many marks are thinned, the oldest is kept") {
    DeliveryMarks marks;
    for (std::uint64_t number = 1; number <= 1'000; ++number) {
        marks.add(number, number);
        marks.on_sent(number, number);
    }
    const auto acked = marks.acked(1'000, start);
    CHECK(acked.kernel == 1'000);
    CHECK(marks.acked(1, start + 1h).application == 1);
    CHECK(marks.acked(1'000, start + 1h).application == 1'000);
    CHECK(marks.acked(1'000, start + 2h).application == 1'000);   // the newest that was read stays
}

TEST_CASE("numbers only grow") {
    DeliveryMarks marks;
    marks.add(9, 100);
    marks.add(3, 200);
    marks.on_sent(200, 200);
    CHECK(marks.acked(200, start).kernel == 9);
}

}   // namespace grid::server::c2s::delivery_marks_test
