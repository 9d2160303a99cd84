// tests/unit/xml/writer_test.cpp: written XML is well-formed and means what the element meant.
#include "xml/writer.hpp"

#include <catch2/catch.hpp>

#include "xml/namespaces.hpp"
#include "xml_tests.hpp"

namespace writer_test {

using namespace grid::xml;
using grid::test::element_of;

TEST_CASE("a default namespace is written only where it changes") {
    Element iq(
        "iq", ns::client, {{"id", "1"}},
        Element("pubsub", ns::pubsub, {}, Element("items", {{"node", "n"}})),
        Element("error", ns::client)
    );
    CHECK(
        to_string(iq, "jabber:client") ==
        "<iq id='1'><pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='n'/></pubsub>"
        "<error/></iq>"
    );
    CHECK(to_string(iq).starts_with("<iq xmlns='jabber:client' id='1'>"));
}

TEST_CASE("an element without a namespace takes the default namespace back") {
    Element item("item", ns::pubsub, {}, Element("value", Ns{}, {}, Element("x", Ns{})));
    CHECK(to_string(item, ns::pubsub.uri()) == "<item><value xmlns=''><x/></value></item>");
}

TEST_CASE("an element that waits for its parent's namespace is written without one") {
    CHECK(to_string(Element("item", {{"id", "1"}}), "jabber:client") == "<item id='1'/>");
}

TEST_CASE("text and attribute values are escaped") {
    Element a("a", Ns{}, {{"v", "& < > ' \" \t\n\r"}});
    a.append("& < > ' \" \t\n\r]]>");
    const std::string text = to_string(a);
    CHECK(
        text ==
        "<a v='&amp; &lt; > &apos; \" &#9;&#10;&#13;'>"
        "&amp; &lt; > ' \" \t\n&#13;]]&gt;</a>"
    );
    Element back = element_of(text);
    CHECK(back.attr_or("v", "") == "& < > ' \" \t\n\r");
    CHECK(back.text() == "& < > ' \" \t\n\r]]>");
}

namespace {

std::string written(const std::string& text, const std::string& value = "") {
    Element a("a", Ns{}, {});
    if (!value.empty()) a.set("v", value);
    const std::string out = to_string(a.append(text));
    const Element back = element_of(out);
    CHECK(back.text() == text);
    CHECK(back.attr_or("v", "") == value);
    return out;
}

}   // namespace

TEST_CASE("nothing leaves much longer than it can have come") {
    const auto many = [](std::string_view one, int count) {
        std::string all;
        for (int i = 0; i < count; ++i) all += one;
        return all;
    };
    // Between <![CDATA[ and ]]>, or between the other quotes, each was as long as here.
    for (const std::string& text : {many(">", 1000), many("&", 1000), many("<b>", 1000)})
        CHECK(written(text).size() <= text.size() + 30);
    for (const std::string& value : {many("'", 1000), many("\"", 1000), many(">", 1000)})
        CHECK(written("", value).size() <= value.size() + 30);
    CHECK(written("", "it's") == "<a v=\"it's\"/>");
    CHECK(written("", many("'\"", 10)).size() < 20 + 10 * 7 + 20);
    // As a sender has to write them, too.
    CHECK(written(many("]]>", 1000)).size() == 6000 + 7);
    CHECK(written(many("&&&&&&&&&&\r", 100)).size() < 100 * 30);
    CHECK(
        written(many("&", 100) + "]]>" + many("&", 100) + "]]" + many("<", 10) + "]").size() < 350
    );
    CHECK(written("a && b, R&D") == "<a>a &amp;&amp; b, R&amp;D</a>");
}

TEST_CASE("]]> never stands in a text, in however many pieces it was built") {
    for (const std::vector<std::string>& pieces : std::vector<std::vector<std::string>>{
             {"]]>"}, {"]]", ">"}, {"]", "]>"}, {"]", "]", ">"}, {"]]]", ">>"}, {"&", "]]", ">"}
         }) {
        Element a("a", Ns{}, {});
        std::string all;
        for (const std::string& piece : pieces) {
            a.add(Element::text_node(piece));
            all += piece;
        }
        CHECK(to_string(a).find("]]>") == std::string::npos);
        CHECK(element_of(to_string(a)).text() == all);
    }
}

TEST_CASE("a start tag may be written apart from what follows it") {
    for (const std::string text :
         {"<iq xmlns:p='urn:p' id='1' p:x='2'/>",
          "<iq xmlns:p='urn:p' id='1'><q xmlns='urn:q' p:y='1'>t</q><p:z/></iq>"}) {
        const Element iq = element_of("<r xmlns='jabber:client'>" + text + "</r>").nodes().front();
        std::string tail, whole;
        write_tail(tail, iq, "jabber:client");
        Element head = iq;
        head.mutable_nodes().clear();
        write_head(whole, head.set("to", "a@b/c'd"), "jabber:client");
        Element expected = iq;
        CHECK(whole + tail == to_string(expected.set("to", "a@b/c'd"), "jabber:client"));
    }
}

TEST_CASE("what is no XML character never leaves") {
    std::string text(
        "a\x01"
        "b\x00"
        "c\xFF"
        "d\xC3\xA9\xED\xA0\x80\xEF\xBF\xBE\xF0\x9F\x98\x80\xC3",
        21
    );
    std::string out;
    append_escaped_text(out, text);
    auto parsed = parse_document("<a>" + out + "</a>", {});
    REQUIRE(std::holds_alternative<Element>(parsed));
    CHECK(
        out.starts_with("a\xEF\xBF\xBD"
                        "b\xEF\xBF\xBD"
                        "c\xEF\xBF\xBD"
                        "d\xC3\xA9")
    );
    CHECK(out.find("\xF0\x9F\x98\x80") != std::string::npos);
    CHECK(out.ends_with("\xEF\xBF\xBD"));
}

TEST_CASE("a prefix is declared where it is not bound yet") {
    Element error("error", ns::streams, {}, Element("conflict", ns::stream_errors));
    error.set_prefix("stream");
    CHECK(
        to_string(error, "jabber:client") ==
        "<stream:error xmlns:stream='http://etherx.jabber.org/streams'>"
        "<conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>"
    );
}

TEST_CASE("a declared prefix is not declared again inside") {
    Element doc("Doc", Ns{"urn:x"});
    doc.set_prefix("x").declare("x", "urn:x");
    Element inner("Inner", Ns{"urn:x"});
    inner.set_prefix("x").declare("x", "urn:x");
    doc.add(inner);
    CHECK(to_string(doc) == "<x:Doc xmlns:x='urn:x'><x:Inner/></x:Doc>");
}

TEST_CASE("one prefix may mean different things in different places") {
    const std::string text = "<x:a xmlns:x='urn:1'><x:b xmlns:x='urn:2'/><x:c/></x:a>";
    CHECK(to_string(element_of(text)) == text);
}

TEST_CASE("an attribute whose prefix nobody declared is left out rather than breaking the stream") {
    Element a("a", Ns{}, {{"lost:type", "1"}, {"xml:lang", "en"}, {"id", "2"}});
    CHECK(to_string(a) == "<a xml:lang='en' id='2'/>");
}

TEST_CASE("the prefix xsi is known without a declaration") {
    Element param("param", Ns{}, {{"xsi:type", "xs:string"}});
    CHECK(
        to_string(param) ==
        "<param xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' xsi:type='xs:string'/>"
    );
}

TEST_CASE("parsing what was written gives the same text again") {
    for (std::string text : {
             "<a/>",
             "<a xmlns='urn:a'><b/>t<c xmlns=''>u</c></a>",
             "<p:a xmlns:p='urn:p' xmlns='urn:d' p:x='1' y='2'><b/><p:c xmlns=''><d/></p:c></p:a>",
             "<a xmlns='urn:a' xmlns:q='urn:q' type='q:T'>q:value</a>",
             "<a>&amp;amp; &lt;b&gt; \xE2\x82\xAC</a>",
         }) {
        const std::string once = to_string(element_of(text));
        CHECK(to_string(element_of(once)) == once);
    }
}

namespace {

std::string detach_first(const Element& stanza, std::size_t levels) {
    std::vector<const Element*> ancestors{&stanza};
    while (ancestors.size() < levels) ancestors.push_back(ancestors.back()->first_child());
    return write_detached(*ancestors.back()->first_child(), ancestors);
}

}   // namespace

TEST_CASE("a detached payload carries the declarations it needs and no others") {
    Element item = element_of(
        "<item xmlns='urn:i' xmlns:used='urn:used' xmlns:unused='urn:unused' xmlns:v='urn:v' "
        "xmlns:t='urn:t' xmlns:el='urn:el'><payload used:a='1' type='v:Type'>"
        "<el:x/><el:y/><name>t:name and unused: nothing</name></payload></item>"
    );
    CHECK(
        detach_first(item, 1) ==
        "<payload xmlns='urn:i' xmlns:used='urn:used' xmlns:v='urn:v' xmlns:t='urn:t' "
        "xmlns:el='urn:el' used:a='1' type='v:Type'><el:x/><el:y/>"
        "<name>t:name and unused: nothing</name></payload>"
    );
}

TEST_CASE("the nearest declaration of a prefix goes with a detached payload") {
    Element outer = element_of(
        "<a xmlns:p='urn:far'><b xmlns:p='urn:near'><c p:x='1'><d type='p:T'/></c></b></a>"
    );
    CHECK(detach_first(outer, 2) == "<c xmlns='' xmlns:p='urn:near' p:x='1'><d type='p:T'/></c>");
}

TEST_CASE("a detached payload with a prefix declares the default namespace of its content once") {
    std::string text = "<i xmlns='urn:i'><p:x xmlns:p='urn:p'>";
    for (int i = 0; i < 1000; ++i) text += "<z/>";
    CHECK(detach_first(element_of(text + "</p:x></i>"), 1).size() < 4200);
    CHECK(
        detach_first(element_of("<i xmlns='urn:i'><p:x xmlns:p='urn:p'><p:z/></p:x></i>"), 1) ==
        "<p:x xmlns:p='urn:p'><p:z/></p:x>"
    );
}

TEST_CASE("a detached payload means the same whatever stands around it") {
    Element item = element_of("<i xmlns='urn:i'><p:x xmlns:p='urn:p'><y xmlns=''/><z/></p:x></i>");
    const std::string text = detach_first(item, 1);
    Element moved = element_of("<other xmlns='urn:other'>" + text + "</other>");
    const Element* payload = moved.first_child();
    CHECK(payload->is("x", Ns::of("urn:p")));
    CHECK(payload->child_any_ns("y")->ns().empty());
    CHECK(payload->child_any_ns("z")->ns() == Ns::of("urn:i"));
}

}   // namespace writer_test
