// tests/unit/xml/text_runs_test.cpp: text that goes past Expat is reported as Expat would report
// it.
#include "xml/text_runs.hpp"

#include <catch2/catch.hpp>
#include <random>

#include "xml_tests.hpp"

namespace text_runs_test {

using namespace grid;
using namespace grid::test;
using xml::TextRuns;

namespace {

const std::string longer(TextRuns::run_bytes_min + 40, 'x');
const std::string just(TextRuns::run_bytes_min, 'y');

std::vector<std::string> runs_in(std::string_view bytes) {
    TextRuns runs(bytes);
    std::vector<std::string> found;
    while (auto run = runs.next()) found.emplace_back(*run);
    return found;
}

std::vector<std::string> in_one_piece(std::string_view bytes, const xml::Limits& limits = {}) {
    auto parser = opened(limits);
    parser.feed(bytes);
    return drain(parser);
}

/// A piece that does not end with a tag's end is never looked through for runs.
std::vector<std::string> byte_by_byte(std::string_view bytes, const xml::Limits& limits = {}) {
    auto parser = opened(limits);
    std::vector<std::string> lines;
    for (const char& byte : bytes) {
        parser.feed({&byte, 1});
        for (auto& line : drain(parser)) lines.push_back(std::move(line));
    }
    return lines;
}

}   // namespace

TEST_CASE("a run is long plain text behind a tag, up to what needs Expat") {
    using Lines = std::vector<std::string>;
    CHECK(runs_in("<a>" + just + "</a>") == Lines{just});
    CHECK(runs_in("<a>" + just.substr(1) + "</a>").empty());
    CHECK(runs_in("<a><b/>" + just + "<c>" + longer + "</c></a>") == Lines{just, longer});
    CHECK(runs_in("<a>" + longer + "&amp;" + longer + "</a>") == Lines{longer});
    CHECK(runs_in("<a>" + longer + "]]>" + longer + "</a>") == Lines{longer});
    CHECK(runs_in("<a>]" + longer + "</a>").empty());
    CHECK(runs_in("<a>\r" + longer + "</a>").empty());
    CHECK(runs_in("<a>\xC3\xA4" + longer + "</a>").empty());
    CHECK(runs_in("<a>\t\n \"'" + longer + "</a>") == Lines{"\t\n \"'" + longer});
    CHECK(runs_in(longer + "<a/>").empty());   // may be the rest of a reference or of `]]`
}

TEST_CASE("what looks like a run in an attribute or in CDATA is none") {
    CHECK(runs_in("<a b='>" + longer + "'/>").empty());
    CHECK(runs_in("<a b=\"'>" + longer + "\"/>").empty());
    CHECK(runs_in("<a><![CDATA[<b>" + longer + "</b>]]></a>").empty());
    CHECK(runs_in("<a><!--<b>" + longer + "--></a>").empty());
    CHECK(runs_in("<a b='>" + longer).empty());
    CHECK(runs_in("<a b" + longer).empty());
}

TEST_CASE("streams with long text give the same events whole and byte by byte") {
    const std::vector<std::string> texts{
        longer,
        longer + "&lt;" + longer,
        longer + "]]",
        longer + "]]>",
        "]" + longer,
        longer + "\r\n" + longer,
        "\r" + longer,
        longer + "\xE2\x82\xAC" + longer,
        longer + "\xE2",
        longer + "&nbsp;",
        longer + "\x01",
        "<b/>" + longer + "<b>" + just + "</b>",
        "<![CDATA[<b>" + longer + "]]>" + longer,
        "<b c='>" + longer + "'>" + longer + "</b>",
        "<b c=>" + longer + "'/>",
        "<b 'c'>" + longer + "</b>",
        "<!--" + longer + "-->",
        "<b>" + longer + "</c>",
        "<?b?>" + longer,
        longer + "<p:b/>",
        longer + "</b>"
    };
    for (const std::string& text : texts) {
        const std::string stanza = "<message><body>" + text + "</body></message>";
        for (const std::string& bytes :
             {stanza, stanza + stanza, stanza + longer + stanza, stanza + " " + stanza}) {
            auto whole = in_one_piece(bytes);
            CAPTURE(bytes);
            CHECK(whole == byte_by_byte(bytes));
            CHECK_FALSE(whole.empty());
        }
    }
}

TEST_CASE("text that went past Expat counts for the limit of a stanza") {
    xml::Limits limits;
    limits.stanza_bytes_max = 4096;
    const std::string fits(4096 - std::string("<message></message>").size(), 'x');
    const std::string good = "<message>" + fits + "</message>";
    const auto events = in_one_piece(good + good, limits);
    REQUIRE(events.size() == 2);
    CHECK(events.front() == good);
    CHECK(
        in_one_piece("<message>x" + fits + "</message>", limits) ==
        std::vector<std::string>{"broken 7"}
    );
    CHECK(in_one_piece(good + "<message>x" + fits + "</message>", limits).back() == "broken 7");
    auto parser = opened(limits);
    parser.feed("<message><body>" + longer + "</body>");
    CHECK(parser.pending_bytes() == longer.size() + 22);
}

TEST_CASE("random streams give the same events whole and byte by byte", "[text-runs]") {
    std::mt19937 random(7);
    const std::vector<std::string> parts{"<a>",  "</a>",      "<b c='1'>", "</b>", "<d e='>'/>",
                                         longer, just,        "]]",        ">",    "&amp;",
                                         "\r",   "<![CDATA[", "]]>",       "'",    "\xC3\xA4",
                                         " ",    "<x:y/>",    "text",      longer};
    for (int round = 0; round < 3000; ++round) {
        std::string bytes = "<message>";
        for (int i = static_cast<int>(random() % 9); i > 0; --i)
            bytes += parts[random() % parts.size()];
        bytes += "</message>";
        if (in_one_piece(bytes) == byte_by_byte(bytes)) continue;
        CAPTURE(bytes);
        CHECK(in_one_piece(bytes) == byte_by_byte(bytes));
    }
}

}   // namespace text_runs_test
