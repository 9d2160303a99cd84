// tests/unit/server/log_test.cpp: peers cannot break, forge or swell a line of the log.
#include "server/log.hpp"

#include <boost/json.hpp>
#include <catch2/catch.hpp>

#include "xml/utf8.hpp"

namespace log_test {

using namespace grid::server;

TEST_CASE("a quoted value is one line of valid UTF-8, and JSON (found A19)", "[log]") {
    CHECK(grid::server::quoted("plain ü →") == "\"plain ü →\"");
    CHECK(grid::server::quoted("a\"b\\c") == R"("a\"b\\c")");
    CHECK(grid::server::quoted("a\nb\x1b\x7f") == R"("a\u000ab\u001b\u007f")");
    CHECK(grid::server::quoted("\xc2\x9b") == R"("\u009b")");       // C1
    CHECK(grid::server::quoted("\x9b\xff") == R"("\\x9b\\xff")");   // no UTF-8
    CHECK(grid::server::quoted("\xe2\x80\xae") == R"("\u202e")");   // right to left
    CHECK(grid::server::quoted("\xf0\x9f\x91\xa8") == "\"\xf0\x9f\x91\xa8\"");
    for (const std::string& text :
         {std::string("\0\x01\x80", 3), std::string("\xe2\x80"), std::string("\xed\xa0\x80")}) {
        CHECK(grid::xml::is_utf8(grid::server::quoted(text)));
        CHECK_NOTHROW(boost::json::parse(grid::server::quoted(text)));
    }
}

TEST_CASE("a value is cut at a character, and its length told (found A19)", "[log]") {
    CHECK(grid::server::quoted("abcdef", 4) == "\"abcd… (6 bytes)\"");
    CHECK(grid::server::quoted("abcd", 4) == "\"abcd\"");
    CHECK(grid::server::quoted("abcü", 4) == "\"abc… (5 bytes)\"");
    CHECK(grid::server::quoted(std::string(29'000, '\x80')).size() < 5 * log_value_bytes_max + 32);
}

}   // namespace log_test
