// tests/unit/xml/contains_test.cpp: a part of a text, in any case.
#include "xml/contains.hpp"

#include <catch2/catch.hpp>

namespace contains_test {

using grid::xml::contains_any_case;

TEST_CASE("a part is found in any case of ASCII, and nothing else is folded") {
    CHECK(contains_any_case("Incidents/SSH", "incidents/ssh"));
    CHECK(contains_any_case("Incidents/SSH", "S/s"));
    CHECK(contains_any_case("", ""));
    CHECK(contains_any_case("x", ""));
    CHECK_FALSE(contains_any_case("", "x"));
    CHECK_FALSE(contains_any_case("short", "shorter"));
    CHECK_FALSE(contains_any_case("ÄRGER", "ärger"));
    CHECK(contains_any_case("ÄRGER", "Ärger"));
    CHECK_FALSE(contains_any_case("a[b", "a{b"));
}

}   // namespace contains_test
