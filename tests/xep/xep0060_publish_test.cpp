// tests/xep/xep0060_publish_test.cpp: publish an item to a node (XEP-0060 §7.1), by its anchors.
#include "stage.hpp"

using grid::test::Stage;

namespace {
const std::string sensor = "sensor@grid.example/probe", desk = "soc@grid.example/desk";
const std::string desk_bare = "soc@grid.example";
const std::string alert = "<alert xmlns='urn:x:alert'/>";
}   // namespace

TEST_CASE_METHOD(Stage, "publisher-publish-success-withpayload", "[xep-0060]") {
    sends(sensor, R"(<iq type='set' id='create1'>
                       <pubsub xmlns='http://jabber.org/protocol/pubsub'>
                         <create node='threats'/>
                       </pubsub>
                     </iq>)");
    receives(sensor, R"(<iq type='result' id='create1'/>)");
    affiliates("sensor@grid.example/probe", "threats", desk_bare, "member");
    sends(desk, R"(<iq type='set' id='sub1'>
                     <pubsub xmlns='http://jabber.org/protocol/pubsub'>
                       <subscribe node='threats' jid='soc@grid.example/desk'/>
                     </pubsub>
                   </iq>)");
    receives(desk, R"(<iq type='result' id='sub1'>
                        <pubsub xmlns='http://jabber.org/protocol/pubsub'>
                          <subscription node='threats' jid='soc@grid.example/desk'
                                        subscription='subscribed'/>
                        </pubsub>
                      </iq>)");
    sends(sensor, R"(<iq type='set' id='pub1'>
                       <pubsub xmlns='http://jabber.org/protocol/pubsub'>
                         <publish node='threats'>
                           <item id='h1'><alert xmlns='urn:x:alert' a='1'>x &amp; y</alert></item>
                         </publish>
                       </pubsub>
                     </iq>)");
    receives(sensor, R"(<iq type='result' id='pub1'/>)");
    receives(desk, R"(<message from='pubsub.grid.example' to='soc@grid.example/desk' type='normal'>
                        <event xmlns='http://jabber.org/protocol/pubsub#event'>
                          <items node='threats'>
                            <item id='h1' publisher='sensor@grid.example'>
                              <alert xmlns='urn:x:alert' a='1'>x &amp; y</alert>
                            </item>
                          </items>
                        </event>
                      </message>)");
    receives_nothing(desk);
}

TEST_CASE_METHOD(
    Stage, "publisher-publish-success: the service names an item without id", "[xep-0060]"
) {
    creates(sensor, "threats");
    subscribes(sensor, "threats", "sensor@grid.example");
    set(sensor, "p1", "<publish node='threats'><item>" + alert + "</item></publish>");
    const auto answer = next(sensor);
    const auto* item = answer.first_child()->child("publish")->child("item");
    REQUIRE(item != nullptr);
    const std::string id = *item->attr("id");
    CHECK(id.size() >= 16);
    event(
        "sensor@grid.example",
        "<items node='threats'><item id='" + id + "'>" + alert + "</item></items>"
    );
}

TEST_CASE_METHOD(
    Stage, "publisher-publish: the same id overwrites and moves to newest", "[xep-0060]"
) {
    creates(sensor, "threats");
    for (const char* id : {"a", "b", "a"}) publishes(sensor, "threats", id);
    get(sensor, "i1", "<items node='threats'/>");
    result(
        sensor, "i1",
        "<pubsub xmlns='" + grid::test::pubsub_ns +
            "'><items node='threats'><item id='b'>...</item>"
            "<item id='a'>...</item></items></pubsub>"
    );
    CHECK(engine().item_count() == 1 + 1);
}

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
    CHECK(store().status().revision > head);   // it has its place in the order
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
        // What a publisher claims does not count.
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

TEST_CASE_METHOD(Stage, "publisher-publish-error-forbidden", "[xep-0060]") {
    creates(sensor, "threats");
    set(desk, "p1", "<publish node='threats'><item id='h1'>" + alert + "</item></publish>");
    error(desk, "p1", "auth", "forbidden");
    affiliates(sensor, "threats", desk_bare, "member");   // members read, they do not publish
    set(desk, "p2", "<publish node='threats'><item id='h1'>" + alert + "</item></publish>");
    error(desk, "p2", "auth", "forbidden");
    CHECK(engine().item_count() == 0);
    CHECK(policy.refusals.size() == 2);
}

TEST_CASE_METHOD(Stage, "affiliations: publisher and publish-only publish", "[xep-0060]") {
    creates(sensor, "threats");
    for (const char* affiliation : {"publisher", "publish-only"}) {
        affiliates(sensor, "threats", desk_bare, affiliation);
        publishes(desk, "threats", affiliation);
    }
    CHECK(engine().item_count() == 2);
    affiliates(sensor, "threats", desk_bare, "outcast");
    set(desk, "p1", "<publish node='threats'><item id='h1'>" + alert + "</item></publish>");
    error(desk, "p1", "auth", "forbidden");
}

TEST_CASE_METHOD(Stage, "publish_model open and subscribers", "[xep-0060]") {
    creates(sensor, "all", "publish_model=open");
    publishes(desk, "all", "h1");
    affiliates(sensor, "all", desk_bare, "outcast");   // but not an outcast
    set(desk, "p1", "<publish node='all'><item id='h2'>" + alert + "</item></publish>");
    error(desk, "p1", "auth", "forbidden");

    creates(sensor, "readers", "publish_model=subscribers");
    affiliates(sensor, "readers", desk_bare, "member");
    set(desk, "p2", "<publish node='readers'><item id='h1'>" + alert + "</item></publish>");
    error(desk, "p2", "auth", "forbidden");
    subscribes(desk, "readers", desk);
    publishes(desk, "readers", "h1");
}

TEST_CASE_METHOD(Stage, "publisher-publish-error-node", "[xep-0060]") {
    set(sensor, "p1", "<publish node='nowhere'><item id='h1'>" + alert + "</item></publish>");
    error(sensor, "p1", "cancel", "item-not-found");
    set(sensor, "p2", "<publish><item id='h1'>" + alert + "</item></publish>");
    error(sensor, "p2", "modify", "bad-request", "nodeid-required");
}

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
    CHECK(work_off() == 2);
    CHECK(engine().item_count() == 4);
    event("sensor@grid.example", "<items node='threats'><retract id='a'/></items>");
    receives_nothing("sensor@grid.example");   // discard-oldest: without a word
    std::size_t payloads = 0;
    (void)store().snapshot()->scan(grid::storage::Family::Payload, "", "", false, [&](auto, auto&) {
        return ++payloads > 0;
    });
    CHECK(payloads == 4);
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

TEST_CASE_METHOD(Stage, "publisher-publish-error-badpayload", "[xep-0060]") {
    creates(sensor, "threats", "type=urn:x:alert");
    const auto refuses = [&](const std::string& content) {
        set(sensor, "p1", "<publish node='threats'>" + content + "</publish>");
        error(sensor, "p1", "modify", "bad-request", "invalid-payload");
    };
    refuses("<item id='a'>" + alert + alert + "</item>");
    refuses("<item id='a'>text</item>");
    refuses("<item id='a'><alert xmlns='urn:x:other'/></item>");
    refuses("<item id='a'>" + alert + "</item><item id='b'>" + alert + "</item>");   // §7.1.1
    CHECK(engine().item_count() == 0);
}

TEST_CASE_METHOD(Stage, "publisher-publish-error-badrequest", "[xep-0060]") {
    creates(sensor, "items");
    set(sensor, "p1", "<publish node='items'/>");
    error(sensor, "p1", "modify", "bad-request", "item-required");
    set(sensor, "p2", "<publish node='items'><item id='a'/></publish>");
    error(sensor, "p2", "modify", "bad-request", "payload-required");
    creates(sensor, "bare", "persist_items=0 deliver_payloads=0");
    set(sensor, "p3", "<publish node='bare'><item id='a'>" + alert + "</item></publish>");
    error(sensor, "p3", "modify", "bad-request", "item-forbidden");
    get(sensor, "p4", "<publish node='items'><item id='a'>" + alert + "</item></publish>");
    error(sensor, "p4", "modify", "bad-request");
    auto compatible = settings();
    compatible.write_by_get = true;
    restart(compatible);
    get(sensor, "p5", "<publish node='items'><item id='a'>" + alert + "</item></publish>");
    result(sensor, "p5");
}

TEST_CASE_METHOD(Stage, "publisher-publish-options", "[xep-0060]") {
    creates(sensor, "threats", "max_items=7");
    const auto publish = [&](const std::string& id, const std::string& field) {
        set(sensor, id,
            "<publish node='threats'><item id='a'>" + alert +
                "</item></publish><publish-options><x xmlns='jabber:x:data' "
                "type='submit'><field var='FORM_TYPE' type='hidden'><value>" +
                grid::test::pubsub_ns + "#publish-options</value></field>" + field +
                "</x></publish-options>");
    };
    publish(
        "p1",
        "<field var='pubsub#access_model'><value>whitelist</value></field>"
        "<field var='pubsub#persist_items'><value>true</value></field>"
        "<field var='pubsub#max_items'><value>7</value></field>"
    );
    result(sensor, "p1");
    publish("p2", "<field var='pubsub#access_model'><value>authorize</value></field>");
    error(sensor, "p2", "cancel", "conflict", "precondition-not-met");
    publish("p3", "<field var='pubsub#colour'><value>red</value></field>");
    error(sensor, "p3", "cancel", "conflict", "precondition-not-met");
    CHECK(engine().item_count() == 1);
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
