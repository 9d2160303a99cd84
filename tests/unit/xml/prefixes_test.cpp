// tests/unit/xml/prefixes_test.cpp: prefixes and declarations survive from peer to peer.
#include <catch2/catch.hpp>

#include "xml/namespaces.hpp"
#include "xml_tests.hpp"

namespace prefixes_test {

using namespace grid::xml;
using namespace grid::test;

namespace {

// In the manner of RFC 8274: a default namespace, a prefix for the same one, and types by xsi:type.
const std::string iodef =
    "<iodef:IODEF-Document xmlns:iodef='urn:ietf:params:xml:ns:iodef-2.0' "
    "xmlns:sci='urn:ietf:params:xml:ns:iodef-sci-1.0' "
    "xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' version='2.00' xml:lang='en'>"
    "<iodef:Incident purpose='reporting'>"
    "<iodef:IncidentID name='csirt.example'>189493</iodef:IncidentID>"
    "<AdditionalData xmlns='urn:ietf:params:xml:ns:iodef-2.0' dtype='xml' "
    "xsi:type='sci:AttackType'>"
    "<sci:AttackPattern SpecID='urn:x' sci:level='1'/></AdditionalData>"
    "</iodef:Incident></iodef:IODEF-Document>";

Element stanza_of(StreamParser& parser, const std::string& text) {
    if (!parser.feed(text)) throw std::runtime_error("stream broken");
    return std::get<Element>(parser.next().value());
}

const Element* payload_of(const Element& iq) {
    return iq.first_child()->first_child()->first_child()->first_child();
}

std::vector<const Element*> ancestors_of_payload(const Element& iq) {
    const Element* pubsub = iq.first_child();
    const Element* publish = pubsub->first_child();
    return {&iq, pubsub, publish, publish->first_child()};
}

}   // namespace

TEST_CASE("an IODEF document with prefixes and xsi:type comes out as it came in") {
    StreamParser parser = opened();
    Element iq = stanza_of(
        parser, "<iq><pubsub xmlns='" + std::string(ns::pubsub.uri()) + "'><publish><item>" +
                    iodef + "</item></publish></pubsub></iq>"
    );
    const Element* document = payload_of(iq);
    CHECK(document->is("IODEF-Document", ns::iodef_2));
    CHECK(document->prefix() == "iodef");
    CHECK(document->declarations().size() == 3);
    CHECK(write_detached(*document, ancestors_of_payload(iq)) == iodef);
    // As an event to a subscriber: parsed again from other surroundings, the same bytes.
    StreamParser subscriber = opened();
    Element event = stanza_of(
        subscriber,
        "<message><event xmlns='urn:e'><items><item>" + iodef + "</item></items></event></message>"
    );
    CHECK(to_string(*payload_of(event)) == iodef);
}

TEST_CASE("declarations on the stanza travel with a payload that needs them") {
    StreamParser parser = opened();
    Element iq = stanza_of(
        parser,
        "<iq xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' xmlns:t='urn:t' "
        "xmlns:no='urn:no'>"
        "<pubsub xmlns='urn:p'><publish><item><v xsi:type='t:V'/></item></publish></pubsub></iq>"
    );
    CHECK(
        write_detached(*payload_of(iq), ancestors_of_payload(iq)) ==
        "<v xmlns='urn:p' xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' xmlns:t='urn:t' "
        "xsi:type='t:V'/>"
    );
}

TEST_CASE("declarations of the stream header travel with the stanzas that use them, and only those"
) {
    StreamParser parser{Limits{}};
    parser.feed(
        "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' "
        "xmlns:ex='urn:ex' xmlns:q='urn:q' xmlns:n='urn:n'>"
    );
    drain(parser);
    auto written = [&](const std::string& text) {
        return to_string(stanza_of(parser, text), "jabber:client");
    };
    CHECK(written("<iq><a/></iq>") == "<iq><a/></iq>");
    CHECK(written("<iq><a ex:b='1'/></iq>") == "<iq xmlns:ex='urn:ex'><a ex:b='1'/></iq>");
    CHECK(written("<iq><a b='q:T'/></iq>") == "<iq xmlns:q='urn:q'><a b='q:T'/></iq>");
    CHECK(written("<iq><a>q:T</a></iq>") == "<iq xmlns:q='urn:q'><a>q:T</a></iq>");
    CHECK(written("<iq><n:a/><n:b/></iq>") == "<iq xmlns:n='urn:n'><n:a/><n:b/></iq>");
    CHECK(written("<iq><a>seq:T and q: T</a></iq>") == "<iq><a>seq:T and q: T</a></iq>");
    CHECK(
        written("<iq xmlns:q='urn:own'><a b='q:T'/></iq>") ==
        "<iq xmlns:q='urn:own'><a b='q:T'/></iq>"
    );
}

namespace {

/// A stanza as its recipient gets it.
std::string relayed(const std::string& text) {
    StreamParser parser = opened();
    return to_string(stanza_of(parser, text), "jabber:client");
}

}   // namespace

TEST_CASE("a stanza loses its prefix, and so does what is of jabber:client in it") {
    StreamParser parser = opened();
    Element iq = stanza_of(parser, "<c:iq xmlns:c='jabber:client' id='1'><c:x/><y/></c:iq>");
    CHECK(iq.is("iq", ns::client));
    CHECK(iq.prefix().empty());
    CHECK(iq.child("x") != nullptr);
    CHECK(iq.child("y") != nullptr);
    CHECK(to_string(iq, "jabber:client") == "<iq xmlns:c='jabber:client' id='1'><x/><y/></iq>");
    CHECK(
        relayed("<c:message xmlns:c='jabber:client'><c:body c:a='1'>hi</c:body></c:message>") ==
        "<message xmlns:c='jabber:client'><body c:a='1'>hi</body></message>"
    );
    // In another namespace the prefix is its author's own, as a signature over it may need.
    CHECK(
        relayed("<message><f xmlns='urn:f'><c:message xmlns:c='jabber:client'/></f></message>") ==
        "<message><f xmlns='urn:f'><c:message xmlns:c='jabber:client'/></f></message>"
    );
    CHECK(
        relayed("<message><c:body xmlns:c='urn:c'/></message>") ==
        "<message><c:body xmlns:c='urn:c'/></message>"
    );
}

TEST_CASE("a stanza whose prefix came from the header loses it as well") {
    StreamParser parser{Limits{}};
    parser.feed(
        "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' "
        "xmlns:x='jabber:client'>"
    );
    drain(parser);
    Element iq = stanza_of(parser, "<x:iq type='get' id='k1'><q1 xmlns='urn:q'/></x:iq>");
    CHECK(
        to_string(iq, "jabber:client") ==
        "<iq xmlns:x='jabber:client' type='get' id='k1'><q1 xmlns='urn:q'/></iq>"
    );
}

TEST_CASE("another default namespace of a stanza with a prefix is bound to a prefix itself") {
    CHECK(
        relayed("<c:message xmlns:c='jabber:client' xmlns='urn:d'><y><z/></y><y xmlns='urn:e'/>"
                "<c:body/></c:message>") ==
        "<message xmlns:c='jabber:client' xmlns:_d='urn:d'><_d:y><_d:z/></_d:y>"
        "<y xmlns='urn:e'/><body/></message>"
    );
    CHECK(
        relayed("<c:message xmlns:c='jabber:client' xmlns=''><y><z/></y></c:message>") ==
        "<message xmlns:c='jabber:client'><y xmlns=''><z/></y></message>"
    );
    // So a long name does not stand at each child.
    std::string many = "<c:message xmlns:c='jabber:client' xmlns='urn:" + std::string(10'000, 'd');
    many += "'>";
    for (int i = 0; i < 1000; ++i) many += "<y/>";
    many += "</c:message>";
    CHECK(relayed(many).size() < many.size() * 2);
    // Another meaning of that prefix, at whatever depth, would change names beneath it, or give an
    // element one attribute twice.
    for (const char* inside :
         {"<y xmlns:_d='urn:x'/>", "<p:y xmlns:p='urn:p' xmlns:_d='urn:x'/>",
          "<p:y xmlns:p='urn:p' xmlns:_d='urn:o'><z xmlns:x='urn:d' x:a='1' _d:a='2'/></p:y>",
          "<y><_d:z xmlns:_d='urn:x'><w/></_d:z></y>"}) {
        StreamParser parser = opened();
        std::string text = "<c:message xmlns:c='jabber:client' xmlns='urn:d'>";
        const auto broken = broken_by(parser, (text += inside) += "</c:message>");
        REQUIRE(broken);
        CHECK(broken->error == ParseError::BadNamespacePrefix);
    }
}

TEST_CASE("a namespace is named by a URI, so that readers made with Expat can read it") {
    for (const char* name : {"}", "urn:a}b", "urn:a b", "a|b", "urn:a&#10;b", "&quot;", "{x}y"}) {
        for (const char* place : {"<q xmlns='", "<p:q xmlns:p='", "<q xmlns:unused='"}) {
            StreamParser parser = opened();
            std::string text = "<message>";
            const auto broken = broken_by(parser, ((text += place) += name) += "'/></message>");
            REQUIRE(broken);
            CHECK(broken->error == ParseError::NotWellFormed);
        }
    }
    for (const char* name : {"urn:\xC3\xA9", "tag:a@b,2024:c;d=(e)!$*'", "http://[::1]/?a=%20#~"}) {
        std::string text = "<message><q xmlns=\"";
        text += name;
        CHECK(relayed((text += "\"/></message>").c_str()).find(name) != std::string::npos);
    }
}

TEST_CASE("what a stream header declares does not make each stanza long") {
    for (const std::size_t bytes : {900UL, 1100UL}) {
        StreamParser parser{Limits{}};
        const std::string uri = "urn:" + std::string(bytes, 'x');
        const auto broken = broken_by(
            parser,
            "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'"
            " xmlns:p='" +
                uri + "' to='grid.example' version='1.0'><message/>"
        );
        CHECK(broken.has_value() == (bytes > 1024));
        if (broken) CHECK(broken->error == ParseError::TooLarge);
    }
}

TEST_CASE("attributes with the stream's prefix are carried") {
    CHECK(
        relayed("<message><a stream:x='1'/></message>") ==
        "<message xmlns:stream='http://etherx.jabber.org/streams'><a stream:x='1'/></message>"
    );
}

TEST_CASE("a stanza without xml:lang gets that of its stream") {
    StreamParser parser = opened();
    parser.set_lang("fr");
    CHECK(stanza_of(parser, "<message><body/></message>").attr_or("xml:lang", "") == "fr");
    CHECK(stanza_of(parser, "<message xml:lang='de'/>").attr_or("xml:lang", "") == "de");
    CHECK(stanza_of(parser, "<message xml:lang=''/>").attr_or("xml:lang", "-").empty());
    parser.restart();
    parser.feed(header);
    drain(parser);
    CHECK(stanza_of(parser, "<message/>").attr("xml:lang") == nullptr);
}

TEST_CASE("white space and order inside a payload are kept") {
    const std::string text = "<a>\n  <b> x </b>\n  tail<c/> </a>";
    CHECK(to_string(element_of(text)) == text);
}

}   // namespace prefixes_test
