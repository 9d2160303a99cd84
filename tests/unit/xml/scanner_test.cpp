// tests/unit/xml/scanner_test.cpp: a tag is complete with its own end, not with any `>`.
#include "xml/scanner.hpp"

#include <catch2/catch.hpp>

namespace scanner_test {

using grid::xml::Scanner;

namespace {

std::size_t ready(std::string_view bytes) { return Scanner().scan(bytes).ready; }

}   // namespace

TEST_CASE("text and whole tags are ready, an open tag is not") {
    CHECK(ready("text") == 4);
    CHECK(ready("<a>text") == 7);
    CHECK(ready("<a>text<b") == 7);
    CHECK(ready("<") == 0);
    CHECK(ready("<a b='>") == 0);
    CHECK(ready("<a b = \"'>\">") == 12);
    CHECK(ready("x&am") == 1);
    CHECK(ready("x&amp;") == 6);
    CHECK(ready("<a></a") == 3);
}

TEST_CASE("CDATA is ready as it comes, and `<` in it opens nothing") {
    CHECK(ready("<![CDATA[<a ]] >") == 16);
    CHECK(ready("<![CDATA[<a ]]]><b") == 16);
    Scanner scanner;
    CHECK(scanner.scan("<![CDATA[ ]").ready == 11);
    CHECK(scanner.scan("]").ready == 1);
    CHECK(scanner.scan("><b").ready == 1);
    CHECK(scanner.scan("/>").ready == 2);
}

TEST_CASE("a quote is remembered over pieces") {
    Scanner scanner;
    CHECK(scanner.scan("<a b=").ready == 0);
    CHECK(scanner.scan("  '").ready == 0);
    CHECK(scanner.scan(">\">").ready == 0);
    CHECK(scanner.scan("'").ready == 0);
    CHECK(scanner.scan("/>x").ready == 3);
}

TEST_CASE("what cannot be good is passed on at once for Expat to refuse") {
    CHECK(ready("<a 'x") == 5);
    CHECK(ready("<a b='<") == 7);
    CHECK(ready("< ") == 2);
    CHECK(ready("&&") == 2);
}

TEST_CASE("forbidden markup is seen with its first bytes") {
    CHECK(Scanner().scan("<a><!-").restricted);
    CHECK(Scanner().scan("<!D").restricted);
    CHECK(Scanner().scan("<?").restricted);
    CHECK_FALSE(Scanner().scan("<![").restricted);
    Scanner first;
    first.expect_declaration(true);
    CHECK(first.scan("<?xml '?'>").ready == 0);
    CHECK(first.scan("?>").ready == 2);
    CHECK(first.scan("<?").restricted);
}

}   // namespace scanner_test
