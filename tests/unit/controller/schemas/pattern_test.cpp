// tests/unit/controller/schemas/pattern_test.cpp: which patterns are refused for the time they
// may take.
#include <catch2/catch.hpp>

#include "controller/schemas/pattern.hpp"

namespace pattern_test {

using grid::controller::schemas::pattern_degree;
using grid::controller::schemas::refuse_pattern;

TEST_CASE("S20: patterns of real schemas are taken") {
    for (const char* pattern :
         {"[0-9]+(\\.[0-9]+)*", "([0-9]+\\.)*[0-9]+", "\\d{4}-\\d{2}-\\d{2}",
          "[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}", "CVE-[0-9]{4}-[0-9]{4,}",
          "(([0-9]|[1-9][0-9]|1[0-9]{2}|2[0-4][0-9]|25[0-5])\\.){3}"
          "([0-9]|[1-9][0-9]|1[0-9]{2}|2[0-4][0-9]|25[0-5])",
          "[^@]+@[^.]+\\..+", ".*[A-Z].*", "([a-z]+ )*[a-z]+", "\\p{L}[\\p{L}\\p{N}]*", "",
          "[a-zA-Z_][\\w.-]*", "(a|b|c)*d", "[\\i-[:]][\\c-[:]]*",
          "P(\\d+Y)?(\\d+M)?(\\d+D)?(T(\\d+H)?(\\d+M)?(\\d+S)?)?"}) {
        CAPTURE(pattern);
        CHECK(refuse_pattern(pattern) == std::nullopt);
    }
}

TEST_CASE("S20: patterns that may take exponential time are refused") {
    for (const char* pattern :
         {"(a+)+b", "(a*)*b", "(a|a)*b", "(a|ab|b)*c", "([a-z]+[a-z0-9]*)*-", "(.*a)*x",
          "((ab)*(ab)*)*c", "(\\d+\\w*)+!", "(a{1,9}){1,9}b", "(x+x+)+y", "([a-zA-Z]|\\p{L})*1",
          "(a|[^b])*c", "(a?a?)*b", "(a|[ab]){30}c", "(((a|[ab]){4}){4}){4}c"}) {
        CAPTURE(pattern);
        REQUIRE(refuse_pattern(pattern));
        CHECK(refuse_pattern(pattern)->find("exponential") != std::string::npos);
    }
}

TEST_CASE("S20: patterns that are too large to look through are refused, at once") {
    CHECK(refuse_pattern(std::string(5000, 'a')));
    CHECK(refuse_pattern(std::string(200, '(') + "a" + std::string(200, ')')));
    std::string alternatives = "(a";
    for (int i = 0; i < 900; ++i) alternatives += "|b";
    CHECK(refuse_pattern(alternatives + ")*"));
    std::string loop = "(";
    for (int i = 0; i < 400; ++i) loop += "ab";
    CHECK(refuse_pattern(loop + ")*"));
}

TEST_CASE("what is no pattern is left to the compiler of schemas") {
    for (const char* pattern : {"(", ")", "[a", "a{", "a{2", "\\", "*", "a**b", "\\p{L", "[\\"})
        CHECK(refuse_pattern(pattern) == std::nullopt);
}

TEST_CASE("S20: the power with which the time of a pattern grows is known") {
    for (const char* pattern :
         {"[0-9]+(\\.[0-9]+)*", "[^@]+@[^.]+\\..+", "a*", "[a-z]*-[a-z]*-[a-z]*", "abc", "",
          "[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}", "([a-z]+ )*[A-Z]+"}) {
        CAPTURE(pattern);
        CHECK(pattern_degree(pattern) == 1);
    }
    CHECK(pattern_degree(".*x.*y") == 2);
    CHECK(pattern_degree("[a-z]*[a-z0-9]*") == 2);
    CHECK(pattern_degree("(ab)*(ab)*") == 2);
    CHECK(pattern_degree("\\d{0,100}\\d{0,100}-") == 2);
    CHECK(pattern_degree(".*x.*y.*z") == 3);
    CHECK(refuse_pattern(".*x.*y.*z") == std::nullopt);
    CHECK(refuse_pattern("a*a*a*a*b"));
}

}   // namespace pattern_test
