// tests/unit/xml/percent_test.cpp: percent-decoding of paths, queries and URIs.
#include "xml/percent.hpp"

#include <catch2/catch.hpp>

namespace percent_test {

using grid::xml::percent_decoded;

TEST_CASE("codes are decoded, to any byte") {
    CHECK(percent_decoded("") == "");
    CHECK(percent_decoded("a/b c") == "a/b c");
    CHECK(percent_decoded("%41%2f%2F") == "A//");
    CHECK(percent_decoded("b%C3%BCro") == "büro");
    CHECK(percent_decoded("%00%ff") == std::string("\0\xff", 2));
    CHECK(percent_decoded("%2541") == "%41");   // once
}

TEST_CASE("a plus is a blank in queries alone") {
    CHECK(percent_decoded("a+b%2B") == "a+b+");
    CHECK(percent_decoded("a+b%2B", true) == "a b+");
}

TEST_CASE("a percent sign without two digits is an error") {
    for (const char* bad : {"%", "%4", "a%", "%zz", "%4g", "%%41", "100% more"}) {
        CAPTURE(bad);
        CHECK(!percent_decoded(bad));
    }
}

}   // namespace percent_test
