// tests/unit/xml/parser_test.cpp: bytes into header, stanzas and end, however they arrive.
#include "xml/parser.hpp"

#include <catch2/catch.hpp>

#include "xml/namespaces.hpp"
#include "xml_tests.hpp"

namespace parser_test {

using namespace grid::xml;
using namespace grid::test;
using Lines = std::vector<std::string>;

namespace {

const std::string stanzas =
    "<iq type='set' id=\"a>b'c\"><pubsub xmlns='http://jabber.org/protocol/pubsub'>"
    "<publish node='n'><item id='1'><x:alert xmlns:x='urn:x' x:level = '3'>\r\n &lt;&#x20AC;&amp;"
    "\xE2\x82\xAC \xF0\x9F\x98\x80<![CDATA[<raw> ]] ]]]></x:alert></item></publish></pubsub></iq>"
    " \r\n\t<presence/>\n<message to='b'><body>hello</body></message>";

Lines expected() {
    return {
        "open jabber:client grid.example",
        "<iq type='set' id=\"a>b'c\"><pubsub xmlns='http://jabber.org/protocol/pubsub'>"
        "<publish node='n'><item id='1'><x:alert xmlns:x='urn:x' x:level='3'>\n "
        "&lt;\xE2\x82\xAC&amp;"
        "\xE2\x82\xAC \xF0\x9F\x98\x80&lt;raw> ]] ]</x:alert></item></publish></pubsub></iq>",
        "<presence/>",
        "<message to='b'><body>hello</body></message>",
        "close",
    };
}

}   // namespace

TEST_CASE("a stream in one piece gives its header, its stanzas and its end") {
    StreamParser parser{Limits{}};
    CHECK(parser.feed(header + stanzas + "</stream:stream>"));
    CHECK(drain(parser) == expected());
}

TEST_CASE("a stream cut in two at every byte gives the same events") {
    const std::string whole = header + stanzas + "</stream:stream>";
    for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
        INFO("cut at " << cut);
        StreamParser parser{Limits{}};
        REQUIRE(parser.feed(std::string_view(whole).substr(0, cut)));
        Lines lines = drain(parser);
        REQUIRE(parser.feed(std::string_view(whole).substr(cut)));
        for (std::string& line : drain(parser)) lines.push_back(std::move(line));
        REQUIRE(lines == expected());
    }
}

TEST_CASE("a stream byte by byte gives each stanza with its last byte") {
    StreamParser parser{Limits{}};
    const std::string whole = header + stanzas + "</stream:stream>";
    Lines lines;
    std::size_t at = 0;
    for (char c : whole) {
        REQUIRE(parser.feed({&c, 1}));
        ++at;
        for (std::string& line : drain(parser)) {
            CHECK(whole[at - 1] == '>');
            lines.push_back(std::move(line));
        }
    }
    CHECK(lines == expected());
}

TEST_CASE("many streams share the parsers of a thread without seeing each other") {
    const std::string second =
        "<s:stream xmlns:s='http://etherx.jabber.org/streams' xmlns='jabber:server' to='two'>";
    StreamParser one = opened(), two{Limits{}};
    two.feed(second);
    CHECK(drain(two) == Lines{"open jabber:server two"});
    for (int round = 0; round < 50; ++round) {
        one.feed("<iq id='1'><a xmlns:p='urn:one'><p:x");
        two.feed("<iq id='2'><a xmlns:p='urn:two'>");
        CHECK(one.next() == std::nullopt);
        two.feed("<p:x/></a></iq>");
        one.feed("/></a></iq>");
        CHECK(drain(one) == Lines{"<iq id='1'><a xmlns:p='urn:one'><p:x/></a></iq>"});
        CHECK(
            drain(two) ==
            Lines{"<iq xmlns='jabber:server' id='2'><a xmlns:p='urn:two'><p:x/></a></iq>"}
        );
    }
    CHECK(two.feed("</s:stream>"));
    CHECK(drain(two) == Lines{"close"});
    CHECK(one.feed("<a/>"));
}

TEST_CASE("more idle streams than pooled parsers, all in the middle of a stanza") {
    std::vector<StreamParser> all;
    for (int i = 0; i < 40; ++i) all.push_back(opened());
    for (StreamParser& each : all) each.feed("<message><bo");
    for (StreamParser& each : all) CHECK(each.pending_bytes() == 12);
    for (StreamParser& each : all) each.feed("dy>x</body></message>");
    for (StreamParser& each : all) CHECK(drain(each) == Lines{"<message><body>x</body></message>"});
}

TEST_CASE("white space between stanzas is a keepalive and costs nothing") {
    StreamParser parser = opened();
    for (int i = 0; i < 1000; ++i) REQUIRE(parser.feed(" \r\n\t"));
    REQUIRE(parser.feed(std::string(2 * 1024 * 1024, ' ')));
    REQUIRE(parser.feed("<a/>" + std::string(2 * 1024 * 1024, '\n') + "<b/>\r"));
    CHECK(drain(parser) == Lines{"<a/>", "<b/>"});
    REQUIRE(parser.feed("\n"));
    CHECK(parser.pending_bytes() == 0);
    CHECK(parser.next() == std::nullopt);
}

TEST_CASE("white space before the header is skipped") {
    StreamParser parser{Limits{}};
    CHECK(parser.feed("\n"));
    CHECK(parser.feed(" \n" + header));
    CHECK(drain(parser).size() == 1);
}

TEST_CASE("pending bytes are those of the stanza that is arriving") {
    StreamParser parser = opened();
    CHECK(parser.pending_bytes() == 0);
    parser.feed("<a/><message><body>12345");
    CHECK(parser.pending_bytes() == 20);
    parser.feed("6</body");
    CHECK(parser.pending_bytes() == 27);
    parser.feed("></message>");
    CHECK(parser.pending_bytes() == 0);
}

TEST_CASE("a restart expects a new header and drops what came before") {
    StreamParser parser = opened();
    parser.feed("<starttls/><injected/><half");
    REQUIRE(parser.next().has_value());
    parser.restart();
    CHECK(parser.next() == std::nullopt);
    CHECK(parser.pending_bytes() == 0);
    CHECK(parser.feed(header + "<presence/>"));
    CHECK(drain(parser) == Lines{"open jabber:client grid.example", "<presence/>"});
}

TEST_CASE("a stream that pauses goes on behind the last element, in the old stream or a new one") {
    const std::string next = "\n" + header + "<presence/><iq id='1'/>";
    for (std::size_t at = 0; at <= next.size(); ++at) {
        StreamParser parser = opened();
        parser.pause_behind_elements(true);
        parser.hold_bytes_only(true);
        REQUIRE(parser.feed("<auth/>" + next.substr(0, at)));
        REQUIRE(parser.next().has_value());
        parser.restart_behind();
        REQUIRE(parser.feed(next.substr(at)));
        CHECK(
            drain(parser) == Lines{"open jabber:client grid.example", "<presence/>", "<iq id='1'/>"}
        );
        CHECK(parser.pending_bytes() == 0);
    }
    StreamParser parser = opened();
    parser.pause_behind_elements(true);
    REQUIRE(parser.feed("<auth/><response/> \n<half"));
    REQUIRE(parser.next().has_value());
    CHECK(parser.pending_bytes() != 0);
    CHECK(drain(parser) == Lines{"<response/>"});
    REQUIRE(parser.feed("/>"));
    CHECK(drain(parser) == Lines{"<half/>"});
    REQUIRE(parser.feed("<starttls/> \n"));
    REQUIRE(parser.next().has_value());
    CHECK(parser.pending_bytes() == 0);   // white space is nothing that waits
    REQUIRE(parser.feed("<a/><injected/>"));
    REQUIRE(parser.next().has_value());
    parser.restart();
    CHECK(parser.pending_bytes() == 0);
    CHECK(parser.next() == std::nullopt);
}

TEST_CASE("a fault behind an element at which a stream pauses is found in its turn") {
    for (const std::string fault : {"<!-- x -->", "</b>", "text", "<?xml version='1.0'?>"}) {
        INFO(fault);
        StreamParser parser = opened();
        parser.pause_behind_elements(true);
        REQUIRE(parser.feed("<auth/>" + fault));
        CHECK(std::holds_alternative<Element>(*parser.next()));
        CHECK(std::holds_alternative<StreamBroken>(*parser.next()));
    }
}

TEST_CASE("a restart also revives a stream that was closed") {
    StreamParser parser = opened();
    CHECK(parser.feed("</stream:stream><after/> garbage & more"));
    CHECK(drain(parser) == Lines{"close"});
    CHECK(parser.feed("still ignored"));
    CHECK(drain(parser).empty());
    parser.restart();
    CHECK(parser.feed(header));
    CHECK(drain(parser).size() == 1);
}

TEST_CASE("a stream may end as it begins") {
    StreamParser parser{Limits{}};
    CHECK(parser.feed("<stream:stream xmlns:stream='http://etherx.jabber.org/streams'/>"));
    CHECK(drain(parser) == Lines{"open  -", "close"});
}

TEST_CASE("the header keeps its attributes, prefix and declarations") {
    StreamParser parser{Limits{}};
    parser.feed(header);
    auto event = parser.next();
    REQUIRE(event);
    const Element& element = std::get<StreamOpen>(*event).header;
    CHECK(element.is("stream", ns::streams));
    CHECK(element.prefix() == "stream");
    CHECK(element.attr_or("version", "") == "1.0");
    CHECK(element.attr("xmlns") == nullptr);
}

TEST_CASE("XML declarations of UTF-8 are accepted in any case and quote") {
    for (std::string declaration :
         {"<?xml version='1.0'?>", "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n",
          "<?xml version='1.0' encoding='utf-8' standalone='yes' ?>", ""}) {
        StreamParser parser{Limits{}};
        CHECK(parser.feed(declaration + header.substr(header.find("?>") + 2)));
        CHECK(drain(parser).size() == 1);
    }
}

TEST_CASE("a broken document leaves nothing behind for the next user of its parser") {
    for (std::string_view text : {"", "<a><b>", "<!--", "<a xmlns:p='urn:p'><p:b>text"}) {
        CHECK(std::holds_alternative<StreamBroken>(parse_document(text, {})));
        CHECK(to_string(element_of("<a>x</a>")) == "<a>x</a>");
        StreamParser parser = opened();
        CHECK(parser.feed("<a/>"));
        CHECK(drain(parser) == Lines{"<a/>"});
    }
}

TEST_CASE("a document is exactly one element") {
    Limits limits;
    auto error = [&](std::string_view text) {
        auto parsed = parse_document(text, limits);
        auto* broken = std::get_if<StreamBroken>(&parsed);
        return broken ? std::optional(broken->error) : std::nullopt;
    };
    CHECK_FALSE(error("<a/>"));
    CHECK_FALSE(error("<?xml version='1.0'?>\n<a><b/></a>\n"));
    CHECK(error("") == ParseError::NotWellFormed);
    CHECK(error("   ") == ParseError::NotWellFormed);
    CHECK(error("<a/><b/>") == ParseError::NotWellFormed);
    CHECK(error("<a>") == ParseError::NotWellFormed);
    CHECK(error("<a/>x") == ParseError::NotWellFormed);
    CHECK(error("<a/></stream:stream>") == ParseError::NotWellFormed);
    CHECK(error("<!-- c --><a/>") == ParseError::RestrictedXml);
    CHECK(error("<a/><!-- c -->") == ParseError::RestrictedXml);
    CHECK(error("<!DOCTYPE a><a/>") == ParseError::RestrictedXml);
    CHECK(error(std::string_view("<\0a\0/\0>\0", 8)) == ParseError::UnsupportedEncoding);
    CHECK(error("<a>\xE9</a>") == ParseError::UnsupportedEncoding);
    CHECK(error("<p:a/>") == ParseError::BadNamespacePrefix);
    limits.stanza_bytes_max = 3;
    CHECK(error("<a/>") == ParseError::TooLarge);
}

}   // namespace parser_test
