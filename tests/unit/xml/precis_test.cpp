// tests/unit/xml/precis_test.cpp: user names and resources beyond ASCII (RFC 8264, 8265, 5893).
#include "xml/precis.hpp"

#include <catch2/catch.hpp>

namespace precis_test {

using grid::xml::opaque_string;
using grid::xml::username_case_mapped;

TEST_CASE("the user name examples of RFC 8265 3.5") {
    CHECK(
        username_case_mapped("juliet@example.com") == std::nullopt
    );   // RFC 7622 excludes the sign
    CHECK(username_case_mapped("fussball") == "fussball");
    CHECK(username_case_mapped("fu\u00DFball") == "fu\u00DFball");
    CHECK(username_case_mapped("\u03C0") == "\u03C0");
    CHECK(username_case_mapped("\u03A3") == "\u03C3");
    CHECK(username_case_mapped("\u03C3") == "\u03C3");
    CHECK(username_case_mapped("\u03C2") == "\u03C2");
    CHECK_FALSE(username_case_mapped("foo bar"));
    CHECK_FALSE(username_case_mapped(""));
    CHECK_FALSE(username_case_mapped("henry\u2163"));
    CHECK_FALSE(username_case_mapped("\u221E"));
}

TEST_CASE("width and case are mapped, and the result composed") {
    CHECK(username_case_mapped("\uFF21\uFF22c") == "abc");
    CHECK(username_case_mapped("\uFF76\uFF9E") == "\u30AC");   // half-width KA and voiced mark
    CHECK(username_case_mapped("A\u030A") == "\u00E5");
    CHECK(username_case_mapped("\u212B") == "\u00E5");   // ANGSTROM SIGN
    CHECK(username_case_mapped("\u00C9T\u00C9") == "\u00E9t\u00E9");
    CHECK(username_case_mapped("\U00010400") == "\U00010428");
}

TEST_CASE("preparation is stable") {
    for (std::string_view text :
         {"\u0130x", "\u1E9E", "\u03A3\u0391\u03A3", "\uFF21\u0301", "\u01C5"}) {
        auto once = username_case_mapped(text);
        if (once) CHECK(username_case_mapped(*once) == once);
    }
    auto once = opaque_string("\u1100\uAC00\u3000\u212B x");
    CHECK_FALSE(once);   // conjoining jamo
    once = opaque_string("\uAC00\u3000\u212B x");
    REQUIRE(once);
    CHECK(*once == "\uAC00 \u00C5 x");
    CHECK(opaque_string(*once) == once);
}

TEST_CASE("what the identifier class disallows") {
    for (std::string_view text :
         {"a\u00A0b",     "a\u200Bb", "a\u00ADb", "a\uFEFFb", "\u1100",     "a\uE000", "a\uFDD0",
          "a\u0378",      "\u00BD",   "\u2603",   "\u20AC",   "\u00AB",     "a\u0640", "\u3031",
          "\u01C5\u2160", "\uFB01",   "a\u2028b", "a\u202Eb", "\U000E0041", "a\x7F",   "a\x01"}) {
        INFO(text);
        CHECK_FALSE(username_case_mapped(text));
    }
}

TEST_CASE("the freeform class admits spaces, symbols and compatibility forms") {
    CHECK(opaque_string("correct horse") == "correct horse");
    CHECK(opaque_string("\u00A0x\u2003") == " x ");
    CHECK(opaque_string("Correct Horse") == "Correct Horse");
    CHECK(opaque_string("\u03C0\u00DF\u00E5") == "\u03C0\u00DF\u00E5");
    CHECK(opaque_string("Jack of \u2666s") == "Jack of \u2666s");
    CHECK(opaque_string("\uFB01\u2163\uFF21") == "\uFB01\u2163\uFF21");
    CHECK(opaque_string("\U0001F600") == "\U0001F600");
    for (std::string_view text :
         {"", "a\tb", "a\nb", "a\u0085", "a\u200Bb", "a\u202Eb", "a\uFFFE", "a\u0378", "a\uE000"})
        CHECK_FALSE(opaque_string(text));
}

TEST_CASE("bytes that are not UTF-8 are refused") {
    for (std::string_view text :
         {"\xFF", "a\xC3", "\xC0\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80"}) {
        CHECK_FALSE(username_case_mapped(text));
        CHECK_FALSE(opaque_string(text));
    }
    CHECK_FALSE(opaque_string(std::string_view("a\0b", 3)));
}

TEST_CASE("contextual rules (RFC 5892 appendix A)") {
    CHECK(username_case_mapped("l\u00B7l"));
    CHECK_FALSE(username_case_mapped("a\u00B7l"));
    CHECK_FALSE(username_case_mapped("\u00B7"));
    CHECK(username_case_mapped("\u0375\u03B1"));
    CHECK_FALSE(username_case_mapped("\u03B1\u0375"));
    CHECK(username_case_mapped("\u05D0\u05F3"));
    CHECK_FALSE(username_case_mapped("a\u05F4"));
    CHECK(username_case_mapped("\u30FB\u30A2"));
    CHECK_FALSE(username_case_mapped("a\u30FBb"));
    CHECK(username_case_mapped("\u0628\u0661"));
    CHECK_FALSE(username_case_mapped("\u0628\u0661\u06F1"));
    CHECK(username_case_mapped("\u0915\u094D\u200D\u0937"));   // ZWJ after a virama
    CHECK_FALSE(username_case_mapped("\u0915\u200D\u0937"));
    CHECK(username_case_mapped("\u0915\u094D\u200C\u0937"));   // ZWNJ after a virama
    CHECK(username_case_mapped("\u0628\u200C\u0628"));         // … or between joining letters
    CHECK(username_case_mapped("\u0628\u064B\u200C\u064B\u0628"));
    CHECK_FALSE(username_case_mapped("\u0627\u200C\u0628"));   // alef does not join to the left
    CHECK_FALSE(username_case_mapped("\u0628\u200C"));
    CHECK_FALSE(username_case_mapped("a\u200Cb"));
}

TEST_CASE("the bidi rule (RFC 5893 2) holds for user names, not for resources") {
    CHECK(username_case_mapped("\u05D0\u05D1"));
    CHECK(username_case_mapped("\u05D01"));
    CHECK(username_case_mapped("\u0628\u064B"));
    CHECK(username_case_mapped("\u05D0-\u05D1"));
    CHECK_FALSE(username_case_mapped("\u05D0-"));   // must not end in a neutral
    CHECK_FALSE(username_case_mapped("a\u05D0"));   // begins left-to-right
    CHECK_FALSE(username_case_mapped("\u05D0a"));
    CHECK_FALSE(username_case_mapped("1\u05D0"));         // begins with neither
    CHECK_FALSE(username_case_mapped("\u0628\u06611"));   // both kinds of digits
    CHECK(opaque_string("a\u05D0"));
}

}   // namespace precis_test
