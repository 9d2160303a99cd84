// tests/unit/xml/parser_errors_test.cpp: each reason to end a stream, and which one it is.
#include <catch2/catch.hpp>

#include "xml/stream_error.hpp"
#include "xml_tests.hpp"

namespace parser_errors_test {

using namespace grid::xml;
using namespace grid::test;

namespace {

struct Case {
    std::string bytes;
    ParseError error;
};

/// Whole, and byte by byte: the error must not depend on how bytes arrive.
void check(const std::string& before, const std::vector<Case>& cases) {
    for (const auto& [bytes, error] : cases) {
        INFO(bytes);
        StreamParser whole{Limits{}};
        whole.feed(before);
        auto broken = broken_by(whole, bytes);
        REQUIRE(broken);
        CHECK(broken->error == error);
        CHECK_FALSE(broken->text.empty());

        StreamParser slow{Limits{}};
        slow.feed(before);
        drain(slow);
        std::optional<StreamBroken> found;
        for (std::size_t i = 0; i < bytes.size() && !found; ++i)
            found = broken_by(slow, bytes.substr(i, 1));
        REQUIRE(found);
        CHECK(found->error == error);
    }
}

}   // namespace

TEST_CASE("not-well-formed") {
    check(
        header,
        {
            {"<a></b>", ParseError::NotWellFormed},
            {"<a b='1' b='2'/>", ParseError::NotWellFormed},
            {"<a b=1/>", ParseError::NotWellFormed},
            {"<a 'b>", ParseError::NotWellFormed},
            {"<a b='<'/>", ParseError::NotWellFormed},
            {"<a>&</a>", ParseError::NotWellFormed},
            {"<a>&#0;</a>", ParseError::NotWellFormed},
            {"<a>&#xD800;</a>", ParseError::NotWellFormed},
            {"<a>]]></a>", ParseError::NotWellFormed},
            {"<a>\x01</a>", ParseError::NotWellFormed},
            {"<a>\xEF\xBF\xBF</a>", ParseError::NotWellFormed},   // U+FFFF
            {"<1a/>", ParseError::NotWellFormed},
            {"< a/>", ParseError::NotWellFormed},
            {"</iq>", ParseError::NotWellFormed},
            {"<![INCLUDE[", ParseError::NotWellFormed},
        }
    );
}

TEST_CASE("not well-formed by the rules of namespaces") {
    check(
        header,
        {
            {"<a:b:c xmlns:a='urn:a'/>", ParseError::NotWellFormed},
            {"<:a/>", ParseError::NotWellFormed},
            {"<a:/>", ParseError::NotWellFormed},
            {"<a:1b xmlns:a='urn:a'/>", ParseError::NotWellFormed},
            {"<a xmlns:p='urn:p' p:-x=''/>", ParseError::NotWellFormed},
            {"<a xmlns:p=''/>", ParseError::NotWellFormed},
            {"<a xmlns:='urn:p'/>", ParseError::NotWellFormed},
            {"<a xmlns:xmlns='urn:p'/>", ParseError::NotWellFormed},
            {"<a xmlns:xml='urn:p'/>", ParseError::NotWellFormed},
            {"<a xmlns:p='http://www.w3.org/XML/1998/namespace'/>", ParseError::NotWellFormed},
            {"<a xmlns='http://www.w3.org/XML/1998/namespace'/>", ParseError::NotWellFormed},
            {"<a xmlns:p='http://www.w3.org/2000/xmlns/'/>", ParseError::NotWellFormed},
            {"<a xmlns:p='urn:u' xmlns:q='urn:u' p:x='1' q:x='2'/>", ParseError::NotWellFormed},
        }
    );
    StreamParser parser = opened();
    CHECK(parser.feed("<a xmlns:xml='http://www.w3.org/XML/1998/namespace' xml:lang='en'/>"));
    CHECK(parser.feed("<a xmlns:p='urn:u' xmlns:q='urn:v' p:x='1' q:x='2' x='3'/>"));
}

TEST_CASE("restricted-xml (RFC 6120 11.1)") {
    check(
        header,
        {
            {"<!-- hello -->", ParseError::RestrictedXml},
            {"<a><!-- hello --></a>", ParseError::RestrictedXml},
            {"<a><!--", ParseError::RestrictedXml},
            {"<a><?php echo ?></a>", ParseError::RestrictedXml},
            {"<?xml-stylesheet href='x'?>", ParseError::RestrictedXml},
            {"<?xml version='1.0'?>", ParseError::RestrictedXml},
            {"<!DOCTYPE a>", ParseError::RestrictedXml},
            {"<a>&nbsp;</a>", ParseError::RestrictedXml},
            {"<a b='&lol9;'/>", ParseError::RestrictedXml},
            {"<a>&aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa;</"
             "a>",
             ParseError::RestrictedXml},
        }
    );
    check(
        "<?xml version='1.0'?>",
        {
            {"<!DOCTYPE stream [<!ENTITY a 'b'>]>", ParseError::RestrictedXml},
            {"<!-- hello -->", ParseError::RestrictedXml},
            {"<?pi ?>", ParseError::RestrictedXml},
        }
    );
    check("", {{"<?pi ?>", ParseError::RestrictedXml}});
}

TEST_CASE("a comment ends the stream with its first bytes, not with its last") {
    StreamParser parser = opened();
    auto broken = broken_by(parser, "<a><!-");
    REQUIRE(broken);
    CHECK(broken->error == ParseError::RestrictedXml);
}

TEST_CASE("unsupported-encoding (RFC 6120 11.6)") {
    check(
        "",
        {
            {"<?xml version='1.0' encoding='ISO-8859-1'?>", ParseError::UnsupportedEncoding},
            {"<?xml version='1.0' encoding='UTF-16'?>", ParseError::UnsupportedEncoding},
            // Expat would detect these and read on.
            {std::string("\xFF\xFE<\0s\0", 6), ParseError::UnsupportedEncoding},
            {std::string("\xFE\xFF\0<\0s", 6), ParseError::UnsupportedEncoding},
            {std::string("<\0s\0", 4), ParseError::UnsupportedEncoding},
            {std::string("\0<\0s", 4), ParseError::UnsupportedEncoding},
        }
    );
    check(
        header,
        {
            {"<a>caf\xE9</a>", ParseError::UnsupportedEncoding},
            {"<a b='\xC0\x80'/>", ParseError::UnsupportedEncoding},
            {"<\xE9/>", ParseError::UnsupportedEncoding},
            {"<a>\xED\xA0\x80</a>", ParseError::UnsupportedEncoding},   // a surrogate
            {"<a>\xF4\x90\x80\x80</a>", ParseError::UnsupportedEncoding},
            {"<a>\x80</a>", ParseError::UnsupportedEncoding},
        }
    );
}

TEST_CASE("bad-namespace-prefix") {
    check(
        header,
        {
            {"<p:a/>", ParseError::BadNamespacePrefix},
            {"<a p:x='1'/>", ParseError::BadNamespacePrefix},
            {"<a><b xmlns:p='urn:p'/><p:c/></a>", ParseError::BadNamespacePrefix},
            {"<xmlns:a/>", ParseError::BadNamespacePrefix},
        }
    );
    check("", {{"<stream:stream to='x'>", ParseError::BadNamespacePrefix}});
}

TEST_CASE("invalid-namespace and bad-format") {
    check(
        "",
        {
            {"<stream xmlns='jabber:client'>", ParseError::InvalidNamespace},
            {"<stream:stream xmlns:stream='urn:other'>", ParseError::InvalidNamespace},
            {"<s:steam xmlns:s='http://etherx.jabber.org/streams'>", ParseError::BadFormat},
        }
    );
    check(
        header,
        {
            {"<a/>text", ParseError::BadFormat},
            {"x", ParseError::BadFormat},
            {"&lt;", ParseError::BadFormat},
            {"<![CDATA[x]]>", ParseError::BadFormat},
            {header.substr(header.find("?>") + 2), ParseError::BadFormat},
        }
    );
}

TEST_CASE("nothing comes after the first error, and the stanzas before it do") {
    StreamParser parser = opened();
    CHECK_FALSE(parser.feed("<a/><b></c><d/>"));
    CHECK(drain(parser) == std::vector<std::string>{"<a/>", "broken 1"});
    CHECK_FALSE(parser.feed("<d/>"));
    CHECK(parser.next() == std::nullopt);
}

TEST_CASE("each parse error has its stream error") {
    auto condition = [](ParseError error) { return to_stream_error({error, "why"}).condition; };
    CHECK(condition(ParseError::NotWellFormed) == "not-well-formed");
    CHECK(condition(ParseError::RestrictedXml) == "restricted-xml");
    CHECK(condition(ParseError::UnsupportedEncoding) == "unsupported-encoding");
    CHECK(condition(ParseError::BadNamespacePrefix) == "bad-namespace-prefix");
    CHECK(condition(ParseError::InvalidNamespace) == "invalid-namespace");
    CHECK(condition(ParseError::BadFormat) == "bad-format");
    CHECK(condition(ParseError::TooLarge) == "policy-violation");
    CHECK(
        to_string(to_stream_error({ParseError::TooLarge, "a < b"}).to_element()) ==
        "<stream:error xmlns:stream='http://etherx.jabber.org/streams'>"
        "<policy-violation xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>"
        "<text xmlns='urn:ietf:params:xml:ns:xmpp-streams' xml:lang='en'>a &lt; b</text>"
        "</stream:error>"
    );
}

}   // namespace parser_errors_test
