// tests/xep/xep0413_order_test.cpp: items by creation or modification, in pages (XEP-0413).
#include "stage.hpp"

namespace xep0413_order_test {

using grid::test::pubsub_ns;
using grid::test::Stage;

namespace {

const std::string juliet = "juliet@grid.example/balcony";

struct Balcony : Stage {
    /// A, B, C, D created in that order; then C, then A published again.
    Balcony() {
        creates(juliet, "balcony");
        for (const char* id : {"A", "B", "C", "D", "C", "A"}) publishes(juliet, "balcony", id);
    }
    std::string ids(
        const std::string& order, const std::string& items = "", const std::string& set = ""
    ) {
        get(juliet, "o",
            "<items node='balcony'" + items + "/><order xmlns='urn:xmpp:order-by:1' " + order +
                "/>" +
                (set.empty() ? "" : "<set xmlns='http://jabber.org/protocol/rsm'>" + set + "</set>")
        );
        const auto iq = next(juliet);
        if (iq.attr_or("type", "") != "result") return iq.child("error")->first_child()->name();
        std::string found;
        for (const auto* item : iq.first_child()->child("items")->children("item"))
            found += std::string(item->attr_or("id", ""));
        const auto* page =
            iq.first_child()->child("set", grid::xml::Ns("http://jabber.org/protocol/rsm"));
        if (!page) return found;
        CHECK(page->child("count")->text() == "4");
        index = std::string(page->child("first")->attr_or("index", ""));
        last = page->child("last")->text();
        first = page->child("first")->text();
        return found;
    }
    std::string index, first, last;
};

}   // namespace

TEST_CASE_METHOD(Balcony, "order-by: by creation and by modification", "[xep-0413][6.5]") {
    CHECK(ids("by='creation'") == "ABCD");
    CHECK(ids("by='modification'") == "BDCA");
    CHECK(ids("by='creation' desc='true'") == "DCBA");
    CHECK(ids("by='modification' desc='1'") == "ACDB");
    CHECK(ids("by='creation' desc='true'", " max_items='3'") == "DCB");
    CHECK(ids("by='modification' desc='true'", " max_items='3'") == "ACD");
    CHECK(ids("by='creation'", " max_items='2'") == "CD");   // the newest two, oldest of them first
    restart();
    CHECK(ids("by='creation'") == "ABCD");
    CHECK(ids("by='modification'") == "BDCA");
}

TEST_CASE_METHOD(Balcony, "order-by: with RSM", "[xep-0413][xep-0059]") {
    CHECK(ids("by='modification'", "", "<max>2</max>") == "BD");
    CHECK(index == "0");
    CHECK(ids("by='modification'", "", "<max>2</max><after>" + last + "</after>") == "CA");
    CHECK(index == "2");
    CHECK(ids("by='creation' desc='true'", "", "<max>2</max>") == "DC");
    CHECK(index == "0");
    CHECK(ids("by='creation' desc='true'", "", "<max>2</max><after>" + last + "</after>") == "BA");
    CHECK(index == "2");
    CHECK(
        ids("by='creation' desc='true'", "", "<max>1</max><before>" + first + "</before>") == "C"
    );
    CHECK(ids("by='creation'", "", "<max>2</max><before/>") == "CD");
    CHECK(ids("by='creation'", "", "<max>1</max><index>1</index>") == "B");
    const std::string after_b = last;   // a cursor is a place: it outlives its item
    set(juliet, "r", "<retract node='balcony'><item id='B'/></retract>");
    forget();
    get(juliet, "o",
        "<items node='balcony'/><order xmlns='urn:xmpp:order-by:1' by='creation'/>"
        "<set xmlns='http://jabber.org/protocol/rsm'><after>" +
            after_b + "</after></set>");
    const auto iq = next(juliet);
    CHECK(iq.first_child()->child("items")->children("item").front()->attr_or("id", "") == "C");
}

TEST_CASE_METHOD(Balcony, "order-by: what is no order", "[xep-0413]") {
    CHECK(ids("by='{urn:x}size'") == "feature-not-implemented");
    CHECK(ids("") == "feature-not-implemented");
    CHECK(ids("by='creation' desc='down'") == "bad-request");
    CHECK(ids("by='creation'/><order xmlns='urn:xmpp:order-by:1' by='modification'") == "ABCD");
    sends(
        juliet, "<iq type='get' id='i'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>"
    );
    receives(
        juliet,
        "<iq type='result' id='i'><query xmlns='http://jabber.org/protocol/disco#info'>"
        "<feature var='urn:xmpp:order-by:1'/><feature var='urn:xmpp:order-by:1@" +
            pubsub_ns + "'/>...</query></iq>"
    );
}

TEST_CASE_METHOD(Balcony, "order-by: a purge and a retract begin anew", "[xep-0413]") {
    set(juliet, "r", "<retract node='balcony'><item id='A'/></retract>");
    forget();
    publishes(juliet, "balcony", "A");   // created now
    CHECK(ids("by='creation'") == "BCDA");
    owner_set(juliet, "p", "<purge node='balcony'/>");
    forget();
    for (const char* id : {"D", "C"}) publishes(juliet, "balcony", id);
    CHECK(ids("by='creation'") == "DC");
}

}   // namespace xep0413_order_test
