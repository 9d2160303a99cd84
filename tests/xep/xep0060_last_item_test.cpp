// tests/xep/xep0060_last_item_test.cpp: the last published item for a new subscriber (XEP-0060
// §6.1.7).
#include "stage.hpp"

namespace xep0060_last_item_test {

using grid::test::options_form;
using grid::test::pubsub_ns;
using grid::test::Stage;

namespace {

const std::string owner = "hamlet@grid.example/elsinore", owner_bare = "hamlet@grid.example";
const std::string reader = "francisco@grid.example/barracks", bare = "francisco@grid.example";

class LastItemStage : public Stage {
protected:
    void opens(const std::string& fields) {
        creates(owner, "n", "type=urn:x:alert " + fields);
        for (const char* id : {"a", "b", "c"}) publishes(owner, "n", id);
    }
    void receives_late(const std::string& id, const std::string& jid = bare) {
        receives(
            jid, "<message from='" + std::string(service) + "'><event xmlns='" + pubsub_ns +
                     "#event'><items node='n'><item id='" + id + "'><alert xmlns='urn:x:alert'>" +
                     id + "</alert></item></items></event><delay xmlns='urn:xmpp:delay'/></message>"
        );
        receives_nothing(jid);
    }
};

}   // namespace

TEST_CASE_METHOD(LastItemStage, "6.1.7 last item: on_sub, stamped, and exactly one", "[6.1.7]") {
    opens("send_last_published_item=on_sub");
    affiliates(owner, "n", bare, "member");
    subscribes(reader, "n", bare);
    receives_late("c");
    publishes(owner, "n", "d");
    event(bare, "<items node='n'><item id='d'>...</item></items>");
    subscribes(reader, "n", bare);   // again: it is no new subscriber
    receives_nothing(bare);
}

TEST_CASE_METHOD(LastItemStage, "6.1.7 last item: on_sub_and_presence too, never not", "[6.1.7]") {
    opens("send_last_published_item=on_sub_and_presence");
    subscribes(owner, "n", owner_bare);
    receives_late("c", owner_bare);
    configures(owner, "n", "send_last_published_item=never");
    subscribes(owner, "n", owner);
    receives_nothing(owner_bare);
}

TEST_CASE_METHOD(LastItemStage, "6.1.7 last item: when it is approved", "[6.1.7]") {
    opens("send_last_published_item=on_sub access_model=authorize");
    set(reader, "s1", "<subscribe node='n' jid='" + bare + "'/>");
    next(reader);
    event(bare, "<subscription node='n' jid='" + bare + "' subscription='pending'/>");
    receives_nothing(bare);
    const auto request = next(owner_bare);
    sends(
        owner,
        "<message id='x'><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'>"
        "<value>" +
            pubsub_ns +
            "#subscribe_authorization</value></field>"
            "<field var='pubsub#node'><value>n</value></field>"
            "<field var='pubsub#subscriber_jid'><value>" +
            bare +
            "</value></field>"
            "<field var='pubsub#allow'><value>1</value></field></x></message>"
    );
    event(bare, "<subscription node='n' jid='" + bare + "' subscription='subscribed'/>");
    receives_late("c");
}

TEST_CASE_METHOD(LastItemStage, "6.1.7 last item: when an owner subscribes somebody", "[6.1.7]") {
    opens("send_last_published_item=on_sub");
    owner_set(
        owner, "m1",
        "<subscriptions node='n'><subscription jid='" + bare +
            "' subscription='subscribed'/></subscriptions>"
    );
    event(bare, "<subscription node='n' jid='" + bare + "' subscription='subscribed'/>");
    receives_late("c");
}

TEST_CASE_METHOD(LastItemStage, "6.1.7 last item: none where there is none", "[6.1.7]") {
    creates(owner, "n", "send_last_published_item=on_sub");
    subscribes(owner, "n", owner_bare);
    receives_nothing(owner_bare);
}

TEST_CASE_METHOD(LastItemStage, "6.1.7 last item: not for who switched delivery off", "[6.1.7]") {
    opens("send_last_published_item=on_sub");
    set(owner, "s1",
        "<subscribe node='n' jid='" + owner_bare + "'/><options>" + options_form("deliver=0") +
            "</options>");
    CHECK(next(owner).attr_or("type", "") == "result");
    event(
        owner_bare, "<subscription node='n' jid='" + owner_bare + "' subscription='subscribed'/>"
    );
    receives_nothing(owner_bare);
}

}   // namespace xep0060_last_item_test
