// tests/unit/xml/datetime_test.cpp: XEP-0082 at its edges.
#include "xml/datetime.hpp"

#include <catch2/catch.hpp>

namespace datetime_test {

using namespace grid::xml;

TEST_CASE("a time is written in UTC with milliseconds") {
    CHECK(to_datetime(0) == "1970-01-01T00:00:00.000Z");
    CHECK(to_datetime(1'793'534'400'123) == "2026-11-01T12:00:00.123Z");
    CHECK(to_datetime(-1) == "1969-12-31T23:59:59.999Z");
    CHECK(to_datetime(951'782'400'000) == "2000-02-29T00:00:00.000Z");
}

TEST_CASE("a time beyond four digits of year is written as the last that has them") {
    CHECK(to_datetime(INT64_MAX) == "9999-12-31T23:59:59.999Z");
    CHECK(to_datetime(INT64_MIN) == "0000-01-01T00:00:00.000Z");
}

TEST_CASE("the examples of XEP-0082 3.2 are one moment") {
    CHECK(parse_datetime("1969-07-21T02:56:15Z") == -14'159'025'000);
    CHECK(parse_datetime("1969-07-20T21:56:15-05:00") == -14'159'025'000);
}

TEST_CASE("offsets reach over the ends of days and years") {
    CHECK(parse_datetime("2026-01-01T00:30:00+01:00") == parse_datetime("2025-12-31T23:30:00Z"));
    CHECK(parse_datetime("2025-12-31T23:30:00-00:30") == parse_datetime("2026-01-01T00:00:00Z"));
    CHECK(parse_datetime("2026-01-01T14:00:00+14:00") == parse_datetime("2026-01-01T00:00:00Z"));
}

TEST_CASE("a fraction may have any number of digits") {
    const Millis base = *parse_datetime("2026-11-01T12:00:00Z");
    CHECK(parse_datetime("2026-11-01T12:00:00.5Z") == base + 500);
    CHECK(parse_datetime("2026-11-01T12:00:00.05+00:00") == base + 50);
    CHECK(parse_datetime("2026-11-01T12:00:00.123456789Z") == base + 123);
    CHECK(parse_datetime("2026-11-01T12:00:00.9999999999999999999999999Z") == base + 999);
}

TEST_CASE("every day of many years is read as it was written") {
    for (Millis day = -30'000; day < 30'000; day += 7) {
        const Millis time = day * 86'400'000 + (day & 1 ? 86'399'999 : 0);
        REQUIRE(parse_datetime(to_datetime(time)) == time);
    }
}

TEST_CASE("what is no date or not XEP-0082 is refused") {
    for (std::string_view text :
         {"",
          "2026",
          "2026-11-01",
          "2026-11-01T12:00:00",
          "2026-11-01 12:00:00Z",
          "2026-11-01t12:00:00z",
          "2026-11-01T12:00Z",
          "2026-11-01T12:00:00.Z",
          "2026-11-01T12:00:00,5Z",
          "2026-02-29T00:00:00Z",
          "2100-02-29T00:00:00Z",
          "2026-04-31T00:00:00Z",
          "2026-00-01T00:00:00Z",
          "2026-13-01T00:00:00Z",
          "2026-01-00T00:00:00Z",
          "2026-11-01T24:00:00Z",
          "2026-11-01T12:60:00Z",
          "2026-11-01T12:00:60Z",
          "2026-11-01T12:00:00+14:01",
          "2026-11-01T12:00:00+01:60",
          "2026-11-01T12:00:00+0100",
          "2026-11-01T12:00:00+1:00",
          "2026-11-01T12:00:00Zx",
          " 2026-11-01T12:00:00Z",
          "-026-11-01T12:00:00Z",
          "12026-11-01T12:00:00Z",
          "2026-1-01T12:00:00Z",
          "20261101T12:00:00"})
        CHECK_FALSE(parse_datetime(text));
    CHECK(parse_datetime("2024-02-29T23:59:59.999Z"));
    CHECK(parse_datetime("2000-02-29T00:00:00Z"));
}

}   // namespace datetime_test
