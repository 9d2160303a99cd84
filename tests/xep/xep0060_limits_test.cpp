// tests/xep/xep0060_limits_test.cpp: full nodes, large payloads, old items (XEP-0060 §7.1.2.5,
// §7.1.3).
#include "stage.hpp"

namespace xep0060_limits_test {

using grid::test::Stage;

namespace {
const std::string sensor = "sensor@grid.example/probe", desk = "soc@grid.example/desk";
const std::string desk_bare = "soc@grid.example";
const std::string alert = "<alert xmlns='urn:x:alert'/>";
}   // namespace

TEST_CASE_METHOD(Stage, "publisher-publish-error-nodefull", "[xep-0060]") {
    creates(sensor, "threats", "max_items=2 publish_node_full=reject");
    publishes(sensor, "threats", "a");
    publishes(sensor, "threats", "b");
    set(sensor, "p1", "<publish node='threats'><item id='c'>" + alert + "</item></publish>");
    error(sensor, "p1", "cancel", "conflict", "node-full");
    publishes(sensor, "threats", "a");   // replacing needs no room
    CHECK(engine().item_count() == 2);
}

TEST_CASE_METHOD(Stage, "publisher-publish-error-nodefull: two at once, one place", "[xep-0060]") {
    creates(sensor, "threats", "max_items=1 publish_node_full=reject type=urn:x:alert");
    affiliates(sensor, "threats", desk_bare, "publisher");
    hold();
    set(sensor, "p1", "<publish node='threats'><item id='a'>" + alert + "</item></publish>");
    set(desk, "p2", "<publish node='threats'><item id='b'>" + alert + "</item></publish>");
    run();
    result(sensor, "p1");
    error(desk, "p2", "cancel", "conflict", "node-full");
    CHECK(rounds() == 1);
}

TEST_CASE_METHOD(Stage, "publisher-publish-success-nodefull: the oldest goes", "[xep-0060]") {
    creates(sensor, "threats", "max_items=2");
    creates(sensor, "quiet", "max_items=2 publish_node_full=discard-oldest");
    for (const char* node : {"threats", "quiet"}) {
        subscribes(sensor, node, "sensor@grid.example");
        for (const char* id : {"a", "b", "c"}) publishes(sensor, node, id);
        get(sensor, "i1", "<items node='" + std::string(node) + "'/>");   // at once
        result(
            sensor, "i1",
            "<pubsub xmlns='" + grid::test::pubsub_ns + "'><items node='" + node +
                "'><item id='b'>...</item>"
                "<item id='c'>...</item></items></pubsub>"
        );
    }
    CHECK(engine().item_count() == 6);
    forget();
    CHECK(work_off() == 1);
    event("sensor@grid.example", "<items node='threats'><retract id='a'/></items>");
    receives_nothing("sensor@grid.example");   // discard-oldest: without a word
    CHECK(engine().item_count() == 6);         // out of sight, but kept: xep0060_retention_test.cpp
}

TEST_CASE_METHOD(Stage, "publisher-publish-error-bigpayload", "[xep-0060]") {
    creates(sensor, "threats", "max_payload_size=100");
    const std::string big = "<alert xmlns='urn:x:alert'>" + std::string(100, 'x') + "</alert>";
    set(sensor, "p1", "<publish node='threats'><item id='a'>" + big + "</item></publish>");
    error(sensor, "p1", "modify", "not-acceptable", "payload-too-big");
    auto small = settings();
    small.payload_bytes_max = 50;   // the service's own limit, before any state is looked at
    restart(small);
    set(sensor, "p2", "<publish node='nowhere'><item id='a'>" + big + "</item></publish>");
    error(sensor, "p2", "modify", "not-acceptable", "payload-too-big");
}

TEST_CASE_METHOD(Stage, "item_expire hides at once and erases later", "[xep-0060]") {
    creates(sensor, "threats", "item_expire=60");
    publishes(sensor, "threats", "old");
    advance(60'000);
    publishes(sensor, "threats", "new");
    const auto in = [](const std::string& items) {
        return "<pubsub xmlns='" + grid::test::pubsub_ns + "'><items node='threats'>" + items +
               "</items></pubsub>";
    };
    get(sensor, "i1", "<items node='threats'/>");
    result(sensor, "i1", in("<item id='new'>...</item>"));
    CHECK(engine().item_count() == 2);
    CHECK(work_off() == 1);
    CHECK(engine().item_count() == 1);
}

}   // namespace xep0060_limits_test
