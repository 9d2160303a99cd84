// tests/unit/storage/log_sizes_test.cpp: which groups of a log have to go, by number and by bytes.
#include "storage/log_sizes.hpp"

#include <catch2/catch.hpp>

namespace log_sizes_test {

using grid::storage::LogSizes;

TEST_CASE("groups go by their number", "[cluster]") {
    LogSizes sizes;
    CHECK(sizes.take_surplus(3, 1'000) == 0);
    for (std::uint64_t number = 1; number <= 10; ++number) sizes.add(number, 1);
    CHECK(sizes.take_surplus(3, 1'000) == 7);
    CHECK(sizes.bytes() == 3);
    CHECK(sizes.take_surplus(3, 1'000) == 7);
}

TEST_CASE("groups go by their bytes", "[cluster]") {
    LogSizes sizes;
    for (std::uint64_t number = 1; number <= 10; ++number) sizes.add(number, 100);
    CHECK(sizes.take_surplus(1'000, 350) == 7);
    sizes.add(11, 400);   // larger than all that is kept
    CHECK(sizes.take_surplus(1'000, 350) == 11);
    CHECK(sizes.bytes() == 0);
}

TEST_CASE("groups from before the first that is known go by their number alone", "[cluster]") {
    LogSizes sizes;
    sizes.add(5'000, 10);
    CHECK(sizes.take_surplus(2'000, 1'000) == 3'000);
    CHECK(sizes.bytes() == 10);
}

TEST_CASE("behind a gap those before it are forgotten", "[cluster]") {
    LogSizes sizes;
    for (std::uint64_t number = 1; number <= 5; ++number) sizes.add(number, 100);
    sizes.add(9, 1);
    CHECK(sizes.bytes() == 1);
    CHECK(sizes.take_surplus(1'000, 50) == 0);
}

}   // namespace log_sizes_test
