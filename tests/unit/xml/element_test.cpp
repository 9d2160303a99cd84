// tests/unit/xml/element_test.cpp: elements nest in code as they do on the wire.
#include "xml/element.hpp"

#include <catch2/catch.hpp>

#include "xml/namespaces.hpp"
#include "xml/writer.hpp"

namespace element_test {

using namespace grid::xml;

TEST_CASE("a child without a namespace takes its parent's, at any depth") {
    Element pubsub(
        "pubsub", ns::pubsub, {},
        Element("publish", {{"node", "a"}}, Element("item", {{"id", "1"}}))
    );
    const Element* item = pubsub.child("publish")->child("item");
    REQUIRE(item);
    CHECK(item->ns() == ns::pubsub);
    CHECK_FALSE(item->inherits_ns());
}

TEST_CASE("a child with its own namespace keeps it") {
    Element iq("iq", ns::client, {{"id", "1"}}, Element("query", ns::disco_info));
    CHECK(iq.child("query") == nullptr);
    CHECK(iq.child("query", ns::disco_info) != nullptr);
    CHECK(iq.child_any_ns("query") == iq.first_child());
}

TEST_CASE("an element that explicitly has no namespace hands none on") {
    Element bare("a", Ns{}, {}, Element("b"));
    CHECK(bare.first_child()->ns().empty());
    Element outer("outer", ns::client);
    outer.add(bare);
    CHECK(outer.first_child()->ns().empty());
}

TEST_CASE("an absent attribute is not an empty one") {
    Element item("item", {{"id", ""}});
    REQUIRE(item.attr("id"));
    CHECK(item.attr("id")->empty());
    CHECK(item.attr("node") == nullptr);
    CHECK(item.attr_or("node", "none") == "none");
}

TEST_CASE("set replaces and remove_attr removes") {
    Element iq("iq", {{"id", "1"}, {"type", "get"}});
    iq.set("id", "2").set("to", "a").remove_attr("type");
    CHECK(iq.attr_or("id", "") == "2");
    CHECK(iq.attr_or("to", "") == "a");
    CHECK(iq.attrs().size() == 2);
}

TEST_CASE("text runs join around elements and the order of nodes is kept") {
    Element body("body", ns::client);
    body.append("a").append("b").add(Element("br")).append("c");
    CHECK(body.text() == "abc");
    CHECK(body.nodes().size() == 3);
    CHECK(body.child_count() == 1);
    CHECK(body.children().front()->name() == "br");
    CHECK(to_string(body, "jabber:client") == "<body>ab<br/>c</body>");
}

TEST_CASE("children by name are those of the element's own namespace") {
    Element list(
        "list", ns::pubsub, {}, Element("item", {{"id", "1"}}), Element("item", ns::client),
        Element("item", {{"id", "2"}})
    );
    auto items = list.children("item");
    REQUIRE(items.size() == 2);
    CHECK(items[1]->attr_or("id", "") == "2");
}

TEST_CASE("a text node is never taken for an element") {
    Element a("a", ns::client);
    a.append("b");
    CHECK(a.child("b") == nullptr);
    CHECK(a.child_any_ns("b") == nullptr);
    CHECK(a.first_child() == nullptr);
}

TEST_CASE("a well-known namespace is found again as the constant") {
    for (const Ns* known :
         {&ns::client, &ns::pubsub, &ns::pubsub_event, &ns::gi, &ns::xgrid, &ns::gi_controller,
          &ns::gi_controller_draft, &ns::iodef_2, &ns::rsm}) {
        std::string copy(known->uri());
        CHECK(Ns::of(copy).uri().data() == known->uri().data());
    }
}

TEST_CASE("a foreign namespace outlives the text it was made from") {
    Ns ns;
    {
        std::string text = "urn:example:a-name-that-does-not-fit-into-a-short-string";
        ns = Ns::of(text);
        text.assign(text.size(), 'x');
    }
    CHECK(ns.uri() == "urn:example:a-name-that-does-not-fit-into-a-short-string");
    CHECK(ns == Ns::of("urn:example:a-name-that-does-not-fit-into-a-short-string"));
    CHECK_FALSE(ns == ns::client);
    CHECK(Ns::of("").empty());
}

}   // namespace element_test
