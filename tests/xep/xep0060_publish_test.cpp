// tests/xep/xep0060_publish_test.cpp: publish an item to a node (XEP-0060 §7.1), by its anchors.
#include "stage.hpp"

namespace xep0060_publish_test {

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
    event(
        desk, "<subscription node='threats' jid='soc@grid.example/desk' subscription='subscribed'/>"
    );
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

}   // namespace xep0060_publish_test
