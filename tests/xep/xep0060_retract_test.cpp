// tests/xep/xep0060_retract_test.cpp: delete an item from a node (XEP-0060 §7.2).
#include "stage.hpp"

namespace xep0060_retract_test {

using grid::test::Stage;

namespace {
const std::string sensor = "sensor@grid.example/probe", desk = "soc@grid.example/desk";
const std::string sensor_bare = "sensor@grid.example", desk_bare = "soc@grid.example";

std::string retract(const std::string& id, const std::string& more = "") {
    return "<retract node='threats'" + more + "><item id='" + id + "'/></retract>";
}
}   // namespace

TEST_CASE_METHOD(Stage, "publisher-delete-success-notify", "[xep-0060]") {
    creates(sensor, "threats", "notify_retract=0");
    subscribes(sensor, "threats", sensor_bare);
    publishes(sensor, "threats", "a");
    publishes(sensor, "threats", "b");
    forget();
    set(sensor, "r1", retract("a"));
    result(sensor, "r1");
    receives_nothing(sensor_bare);
    set(sensor, "r2", retract("b", " notify='1'"));
    result(sensor, "r2");
    event(sensor_bare, "<items node='threats'><retract id='b'/></items>");
    CHECK(engine().item_count() == 0);
    bool is_empty = true;   // index and payload both
    (void)store().snapshot()->scan(grid::storage::Family::Payload, "", "", false, [&](auto, auto&) {
        return is_empty = false;
    });
    CHECK(is_empty);
}

TEST_CASE_METHOD(Stage, "publisher-delete-success: the node may tell always", "[xep-0060]") {
    creates(sensor, "threats");   // notify_retract is on by default
    subscribes(sensor, "threats", sensor_bare);
    publishes(sensor, "threats", "a");
    forget();
    set(sensor, "r1", retract("a"));
    result(sensor, "r1");
    event(sensor_bare, "<items node='threats'><retract id='a'/></items>");
}

TEST_CASE_METHOD(Stage, "publisher-delete-error-forbidden", "[xep-0060]") {
    creates(sensor, "threats");
    publishes(sensor, "threats", "a");
    set(desk, "r1", retract("a"));
    error(desk, "r1", "auth", "forbidden");
    affiliates(sensor, "threats", desk_bare, "publisher");   // own items only
    set(desk, "r2", retract("a"));
    error(desk, "r2", "auth", "forbidden");
    publishes(desk, "threats", "b");
    set(desk, "r3", retract("b"));
    result(desk, "r3");
    publishes(desk, "threats", "c");
    set(sensor, "r4", retract("c"));   // an owner may any
    result(sensor, "r4");
    policy.administrators.insert(desk_bare);
    set(desk, "r5", retract("a"));
    result(desk, "r5");
}

TEST_CASE_METHOD(Stage, "publisher-delete-error-node", "[xep-0060]") {
    set(sensor, "r1", retract("a"));
    error(sensor, "r1", "cancel", "item-not-found");
    creates(sensor, "threats");
    set(sensor, "r2", retract("a"));
    error(sensor, "r2", "cancel", "item-not-found");
}

TEST_CASE_METHOD(Stage, "publisher-delete-error-nodeid", "[xep-0060]") {
    set(sensor, "r1", "<retract><item id='a'/></retract>");
    error(sensor, "r1", "modify", "bad-request", "nodeid-required");
}

TEST_CASE_METHOD(Stage, "publisher-delete-error-itemid", "[xep-0060]") {
    creates(sensor, "threats");
    set(sensor, "r1", "<retract node='threats'/>");
    error(sensor, "r1", "modify", "bad-request", "item-required");
    set(sensor, "r2", "<retract node='threats'><item/></retract>");
    error(sensor, "r2", "modify", "bad-request", "item-required");
}

TEST_CASE_METHOD(Stage, "publisher-delete-error-persistent", "[xep-0060]") {
    creates(sensor, "threats", "persist_items=0");
    set(sensor, "r1", retract("a"));
    error(sensor, "r1", "cancel", "feature-not-implemented", "unsupported persistent-items");
}

TEST_CASE_METHOD(
    Stage, "retract of one's own item expects that it is still one's own", "[design]"
) {
    creates(sensor, "threats", "type=urn:x:alert publish_model=open");
    publishes(desk, "threats", "a");
    hold();
    // The owner takes the id over; desk's retract was decided before that.
    set(sensor, "p1",
        "<publish node='threats'><item id='a'><alert xmlns='urn:x:alert'/></item>"
        "</publish>");
    set(desk, "r1", retract("a"));
    run();
    result(sensor, "p1");
    error(desk, "r1", "auth", "forbidden");
    CHECK(engine().item_count() == 1);
}

TEST_CASE_METHOD(
    Stage, "an owner's retract takes whatever is there, payload included", "[design]"
) {
    creates(sensor, "threats", "type=urn:x:alert publish_model=open");
    publishes(desk, "threats", "a");
    hold();
    set(desk, "p1",
        "<publish node='threats'><item id='a'><alert xmlns='urn:x:alert'>2</alert>"
        "</item></publish>");
    set(sensor, "r1", retract("a"));
    run();
    result(desk, "p1");
    result(sensor, "r1");
    CHECK(engine().item_count() == 0);
    CHECK(rounds() == 0);
    work_off();
    std::size_t payloads = 0;
    (void)store().snapshot()->scan(grid::storage::Family::Payload, "", "", false, [&](auto, auto&) {
        return ++payloads > 0;
    });
    CHECK(payloads == 0);
}

}   // namespace xep0060_retract_test
