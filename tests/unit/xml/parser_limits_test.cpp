// tests/unit/xml/parser_limits_test.cpp: every limit, at its last allowed value and one beyond.
#include <catch2/catch.hpp>

#include <chrono>

#include "xml_tests.hpp"

namespace parser_limits_test {

using namespace grid::xml;
using namespace grid::test;

namespace {

bool is_too_large(const std::optional<StreamBroken>& broken) {
    return broken && broken->error == ParseError::TooLarge;
}

std::string repeated(std::string_view piece, std::size_t times) {
    std::string all;
    for (std::size_t i = 0; i < times; ++i) all += piece;
    return all;
}

std::string with_attributes(std::size_t count, std::string_view prefix, std::string_view value) {
    std::string text = "<a";
    for (std::size_t i = 0; i < count; ++i)
        text += " " + std::string(prefix) + std::to_string(i) + "='" + std::string(value) + "'";
    return text + "/>";
}

}   // namespace

TEST_CASE("a stanza of stanza_bytes_max passes and one byte more does not") {
    Limits limits;
    limits.stanza_bytes_max = 1000;
    const std::string exact = "<a>" + std::string(993, 'x') + "</a>";
    REQUIRE(exact.size() == 1000);
    const std::string beyond = "<a>" + std::string(994, 'x') + "</a>";
    for (std::size_t step : {1u, 7u, 2000u}) {
        StreamParser parser = opened(limits);
        for (std::size_t at = 0; at < exact.size(); at += step)
            REQUIRE(parser.feed(std::string_view(exact).substr(at, step)));
        CHECK(drain(parser).size() == 1);
        bool going = true;
        for (std::size_t at = 0; at < beyond.size() && going; at += step)
            going = parser.feed(std::string_view(beyond).substr(at, step));
        CHECK_FALSE(going);
        CHECK(drain(parser) == std::vector<std::string>{"broken 7"});
    }
}

TEST_CASE("several stanzas in one piece are counted one by one") {
    Limits limits;
    limits.stanza_bytes_max = 100;
    StreamParser parser = opened(limits);
    CHECK(parser.feed(repeated("<a>" + std::string(90, 'x') + "</a>", 50)));
    CHECK(drain(parser).size() == 50);
}

TEST_CASE("a stanza without any end is cut when it reaches the limit") {
    for (std::string_view beginning : {"<", "<a b='", "<a>", "<a>&", "<a><![CDATA[", "<a b='>"}) {
        INFO(beginning);
        StreamParser parser = opened();
        REQUIRE(parser.feed(beginning));
        const std::string chunk(1000, 'x');
        std::size_t fed = 0;
        while (parser.feed(chunk)) {
            fed += chunk.size();
            REQUIRE(fed <= Limits{}.stanza_bytes_max);
        }
        CHECK(fed > Limits{}.stanza_bytes_max - 2000);
        CHECK(drain(parser) == std::vector<std::string>{"broken 7"});
    }
}

TEST_CASE("a long tag that comes byte by byte is not read again and again") {
    // Expat alone would look at 100,000 times 50,000 bytes here.
    for (char filler : {'x', '>', '/'}) {
        StreamParser parser = opened();
        const auto start = std::chrono::steady_clock::now();
        parser.feed("<a b='");
        for (int i = 0; i < 100'000; ++i) REQUIRE(parser.feed({&filler, 1}));
        REQUIRE(parser.feed("'/>"));
        CHECK(drain(parser).size() == 1);
        CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(2));
    }
}

TEST_CASE("the stream header has a limit of its own") {
    Limits limits;
    limits.header_bytes_max = 300;
    StreamParser parser{limits};
    REQUIRE(parser.feed("<stream:stream a='"));
    CHECK(is_too_large(broken_by(parser, std::string(300, 'x'))));

    StreamParser whole{limits};
    CHECK(is_too_large(broken_by(
        whole,
        "<?xml version='1.0'?>" + std::string(200, ' ') + header.substr(header.find("?>") + 2)
    )));
    StreamParser declaration{limits};
    CHECK(is_too_large(broken_by(declaration, "<?xml " + std::string(300, ' '))));
    StreamParser good{limits};
    CHECK(good.feed(header));
}

TEST_CASE("depth is limited") {
    Limits limits;
    limits.depth_max = 5;
    StreamParser parser = opened(limits);
    CHECK(parser.feed(repeated("<a>", 5) + repeated("</a>", 5)));
    CHECK(is_too_large(broken_by(parser, repeated("<a>", 6))));
    StreamParser bomb = opened();
    CHECK(is_too_large(broken_by(bomb, repeated("<a>", 100'000))));
}

TEST_CASE("attributes are limited, and declarations are counted apart") {
    StreamParser parser = opened();
    CHECK(parser.feed(with_attributes(64, "x", "")));
    CHECK(parser.feed(with_attributes(32, "xmlns:x", "urn:x")));
    CHECK(is_too_large(broken_by(parser, with_attributes(65, "x", ""))));
    StreamParser other = opened();
    CHECK(is_too_large(broken_by(other, with_attributes(33, "xmlns:x", "urn:x"))));
}

TEST_CASE("declarations in force are limited over all depths") {
    Limits limits;
    limits.bindings_max = 10;
    StreamParser parser = opened(limits);
    const std::string open = "<a xmlns:p='urn:p'>";
    CHECK(parser.feed(repeated(open, 10) + repeated("</a>", 10)));
    CHECK(parser.feed("<b>" + repeated(open + "</a>", 50) + "</b>"));
    CHECK(is_too_large(broken_by(parser, repeated(open, 11))));
}

TEST_CASE("elements of one stanza are limited") {
    Limits limits;
    limits.elements_max = 10;
    StreamParser parser = opened(limits);
    for (int i = 0; i < 3; ++i) REQUIRE(parser.feed("<a>" + repeated("<b/>", 9) + "</a>"));
    CHECK(drain(parser).size() == 3);
    CHECK(is_too_large(broken_by(parser, "<a>" + repeated("<b/>", 10))));
}

TEST_CASE("names are limited") {
    Limits limits;
    limits.name_bytes_max = 20;
    const std::string good(20, 'n'), bad(21, 'n');
    StreamParser parser = opened(limits);
    CHECK(parser.feed("<" + good + " " + good + "='1'/>"));
    CHECK(is_too_large(broken_by(parser, "<" + bad + "/>")));
    for (std::string text : {"<a " + bad + "='1'/>", "<a xmlns:" + bad + "='urn:a'/>"}) {
        StreamParser other = opened(limits);
        CHECK(is_too_large(broken_by(other, text)));
    }
}

TEST_CASE("new limits hold from the next bytes on") {
    Limits limits;
    limits.stanza_bytes_max = 20;
    StreamParser parser = opened(limits);
    limits.stanza_bytes_max = 2000;
    parser.set_limits(limits);
    CHECK(parser.feed("<a>" + std::string(1000, 'x') + "</a>"));
}

}   // namespace parser_limits_test
