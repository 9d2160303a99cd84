// tests/xep/xep0060_events_test.cpp: the events of a publish for its subscribers (XEP-0060 §4.3,
// §7.1.2).
#include "stage.hpp"

namespace xep0060_events_test {

using grid::test::Stage;

namespace {
const std::string sensor = "sensor@grid.example/probe", desk = "soc@grid.example/desk";
const std::string desk_bare = "soc@grid.example";
const std::string alert = "<alert xmlns='urn:x:alert'/>";
}   // namespace

TEST_CASE_METHOD(Stage, "publisher-publish-success-withoutpayload", "[xep-0060]") {
    creates(sensor, "threats", "deliver_payloads=0");
    subscribes(sensor, "threats", "sensor@grid.example");
    publishes(sensor, "threats", "h1");
    event("sensor@grid.example", "<items node='threats'><item id='h1'/></items>");
    set(sensor, "p2", "<publish node='threats'><item id='h2'/></publish>");   // may be empty
    result(sensor, "p2");
    event("sensor@grid.example", "<items node='threats'><item id='h2'/></items>");
    get(sensor, "i1", "<items node='threats'/>");   // the payload is kept all the same
    result(
        sensor, "i1",
        "<pubsub xmlns='" + grid::test::pubsub_ns +
            "'><items node='threats'><item id='h1'><alert xmlns='urn:x:alert'>h1"
            "</alert></item><item id='h2'/></items></pubsub>"
    );
}

TEST_CASE_METHOD(Stage, "events: a transient node notifies and keeps nothing", "[xep-0060]") {
    creates(sensor, "beat", "persist_items=0");
    subscribes(sensor, "beat", "sensor@grid.example");
    const auto head = store().status().revision;
    publishes(sensor, "beat", "h1");
    event(
        "sensor@grid.example",
        "<items node='beat'><item id='h1'><alert xmlns='urn:x:alert'>h1</alert></item></items>"
    );
    CHECK(engine().item_count() == 0);
    CHECK(store().status().revision > head);   // the publish has its place in the order
    get(sensor, "i1", "<items node='beat'/>");
    error(sensor, "i1", "cancel", "feature-not-implemented", "unsupported persistent-items");
}

TEST_CASE_METHOD(Stage, "events: transient and notification only is an empty items", "[xep-0060]") {
    creates(sensor, "beat", "persist_items=0 deliver_payloads=0");
    subscribes(sensor, "beat", "sensor@grid.example");
    set(sensor, "p1", "<publish node='beat'/>");
    result(sensor, "p1");
    event("sensor@grid.example", "<items node='beat'/>");
}

TEST_CASE_METHOD(Stage, "publisher-publish-success-publisher", "[xep-0060]") {
    creates(sensor, "named");
    creates(sensor, "silent", "itemreply=none");
    for (const char* node : {"named", "silent"}) {
        subscribes(sensor, node, "sensor@grid.example");
        // Claims of a publisher do not count.
        set(sensor, "p1",
            "<publish node='" + std::string(node) +
                "'><item id='h1' publisher='king@grid.example'>" + alert + "</item></publish>");
        result(sensor, "p1");
    }
    event(
        "sensor@grid.example",
        "<items node='named'><item id='h1' publisher='sensor@grid.example'>" + alert +
            "</item></items>"
    );
    const auto silent = next("sensor@grid.example");
    CHECK(!silent.first_child()->first_child()->first_child()->attr("publisher"));
    get(sensor, "i1", "<items node='named'/>");
    result(
        sensor, "i1",
        "<pubsub xmlns='" + grid::test::pubsub_ns +
            "'><items node='named'><item id='h1' publisher='sensor@grid.example'>" + alert +
            "</item></items></pubsub>"
    );
}

TEST_CASE_METHOD(Stage, "payload keeps prefixes that its ancestors declare", "[xep-0060]") {
    creates(sensor, "threats");
    subscribes(sensor, "threats", "sensor@grid.example");
    sends(sensor, R"(<iq type='set' id='p1' xmlns:q='urn:x:q'>
        <pubsub xmlns='http://jabber.org/protocol/pubsub' xmlns:x='urn:x:alert'>
          <publish node='threats'><item id='h1'><x:alert type='q:fire'/></item></publish>
        </pubsub></iq>)");
    result(sensor, "p1");
    const auto message = next("sensor@grid.example");
    const auto* payload = message.first_child()->first_child()->first_child()->first_child();
    REQUIRE(payload != nullptr);
    CHECK(payload->is("alert", grid::xml::Ns::of("urn:x:alert")));
    REQUIRE(payload->declarations().size() >= 1);   // q is used in a value
    bool has_q = false;
    for (const auto& declaration : payload->declarations())
        has_q = has_q || (declaration.prefix == "q" && declaration.uri == "urn:x:q");
    CHECK(has_q);
}

TEST_CASE_METHOD(Stage, "every event has an id of its own", "[xep-0060]") {
    creates(sensor, "threats");
    subscribes(sensor, "threats", "sensor@grid.example");
    publishes(sensor, "threats", "a");
    publishes(sensor, "threats", "a");
    const auto first = next("sensor@grid.example"), second = next("sensor@grid.example");
    REQUIRE(first.attr("id") != nullptr);
    CHECK(*first.attr("id") != *second.attr("id"));
}

TEST_CASE_METHOD(Stage, "notification_type headline", "[xep-0060]") {
    creates(sensor, "threats", "notification_type=headline");
    subscribes(sensor, "threats", "sensor@grid.example");
    publishes(sensor, "threats", "a");
    CHECK(next("sensor@grid.example").attr_or("type", "") == "headline");
}

TEST_CASE_METHOD(Stage, "deliver_notifications 0 is silence", "[xep-0060]") {
    creates(sensor, "threats", "deliver_notifications=0");
    subscribes(sensor, "threats", "sensor@grid.example");
    publishes(sensor, "threats", "a");
    receives_nothing("sensor@grid.example");
}

TEST_CASE_METHOD(Stage, "the first payload teaches a node its type", "[rfc-8600]") {
    creates(sensor, "threats");
    publishes(sensor, "threats", "a");
    CHECK(engine().node("threats")->type == "urn:x:alert");
    set(sensor, "p1",
        "<publish node='threats'><item id='b'><other xmlns='urn:x:other'/></item>"
        "</publish>");
    error(sensor, "p1", "modify", "bad-request", "invalid-payload");
    restart();
    CHECK(engine().node("threats")->type == "urn:x:alert");
}

}   // namespace xep0060_events_test
