// tests/xep/xep0060_auto_create_test.cpp: publishing makes the node (XEP-0060 §7.1.4), and
// publish-options say how (§7.1.5).
#include "stage.hpp"

namespace xep0060_auto_create_test {

using grid::test::pubsub_ns;
using grid::test::Stage;

namespace {

const std::string owner = "hamlet@grid.example/elsinore", bare = "hamlet@grid.example";
const std::string other = "francisco@grid.example/x";

struct AutoCreate : Stage {
    AutoCreate() {
        auto with = settings();
        with.auto_create = true;
        restart(with);
    }
};

std::string publish(const std::string& node, const std::string& id, const std::string& payload) {
    return "<publish node='" + node + "'><item id='" + id + "'>" + payload + "</item></publish>";
}
const std::string alert = "<alert xmlns='urn:x:alert'/>";

std::string options(const std::string& fields) {
    std::string form = grid::test::config_form(fields);
    const std::string from = pubsub_ns + "#node_config";
    return "<publish-options>" +
           form.replace(form.find(from), from.size(), pubsub_ns + "#publish-options") +
           "</publish-options>";
}

}   // namespace

TEST_CASE_METHOD(Stage, "7.1.4 auto-create is off by default: item-not-found", "[7.1]") {
    set(owner, "p1", publish("n", "i", alert));
    error(owner, "p1", "cancel", "item-not-found");
    sends(
        owner, "<iq type='get' id='i'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>"
    );
    const auto iq = next(owner);
    for (const auto* feature : iq.first_child()->children("feature"))
        CHECK(feature->attr_or("var", "") != pubsub_ns + "#auto-create");
}

TEST_CASE_METHOD(AutoCreate, "7.1.4 publisher-publish-autocreate", "[7.1][7.1.4]") {
    sends(
        owner, "<iq type='get' id='i'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>"
    );
    receives(
        owner,
        "<iq type='result' id='i'><query xmlns='http://jabber.org/protocol/disco#info'>"
        "<feature var='" +
            pubsub_ns + "#auto-create'/>...</query></iq>"
    );
    set(owner, "p1", publish("n", "i", alert));
    result(owner, "p1");
    const auto view = engine().node("n");
    REQUIRE(view.has_value());
    CHECK(view->creator == bare);
    CHECK(view->type == "urn:x:alert");   // the first payload teaches it
    const std::string items = "<pubsub xmlns='" + pubsub_ns + "'><items node='n'><item id='i'>" +
                              alert + "</item></items></pubsub>";
    get(owner, "g1", "<items node='n'/>");
    result(owner, "g1", items);
    restart();
    get(owner, "g2", "<items node='n'/>");
    result(owner, "g2", items);
    owner_set(owner, "d", "<delete node='n'/>");   // and all of it can be erased
    result(owner, "d");
    work_off();
    CHECK(engine().item_count() == 0);
}

TEST_CASE_METHOD(AutoCreate, "7.1.4 without an item id the service names it", "[7.1][7.1.4]") {
    set(owner, "p1", "<publish node='n'><item>" + alert + "</item></publish>");
    const auto iq = next(owner);
    REQUIRE(iq.attr_or("type", "") == "result");
    const auto* item = iq.first_child()->child("publish")->child("item");
    CHECK_FALSE(item->attr_or("id", "").empty());
}

TEST_CASE_METHOD(
    AutoCreate, "7.1.4 auto-create: the policy must let create, too", "[7.1.4][policy]"
) {
    policy.rule = [](auto, auto operation, auto) {
        return operation != grid::pubsub::Right::Create;
    };
    set(owner, "p1", publish("n", "i", alert));
    error(owner, "p1", "auth", "forbidden");
    CHECK(engine().node_count() == 0);
}

TEST_CASE_METHOD(
    AutoCreate, "7.1.4 auto-create: publish-options are its configuration", "[7.1.5]"
) {
    set(owner, "p1", publish("n", "i", alert) + options("access_model=authorize max_items=3"));
    result(owner, "p1");
    CHECK(engine().node("n")->access_model == "authorize");
    set(owner, "p2", publish("n", "j", alert) + options("access_model=whitelist"));
    error(owner, "p2", "cancel", "conflict", "precondition-not-met");
    set(owner, "p3", publish("m", "i", alert) + options("no_such_option=1"));
    error(owner, "p3", "cancel", "conflict", "precondition-not-met");
    set(owner, "p4", publish("m", "i", alert) + options("access_model=open"));
    error(owner, "p4", "cancel", "conflict", "precondition-not-met");
    set(owner, "p5", publish("m", "i", alert) + options("type=urn:other"));
    error(owner, "p5", "modify", "bad-request", "invalid-payload");
    CHECK_FALSE(engine().node("m").has_value());
}

TEST_CASE_METHOD(
    AutoCreate, "7.1.4 auto-create into a collection: create, then the item", "[0248]"
) {
    creates(owner, "c", "node_type=collection");
    set(owner, "p1", publish("n", "i", alert) + options("collection=c"));
    result(owner, "p1");
    CHECK(memory().tree().list_of(memory().find("c")->uid).size() == 1);
    set(owner, "p2", publish("n", "j", alert) + options("collection=c"));
    result(owner, "p2");   // met
    set(owner, "p3", publish("n", "k", alert) + options("collection=d"));
    error(owner, "p3", "cancel", "conflict", "precondition-not-met");
}

TEST_CASE_METHOD(
    AutoCreate, "7.1.4 two publishers at once: one makes it, both publish", "[7.1.4]"
) {
    hold();
    const std::string open = options("publish_model=open");
    set(owner, "p1", publish("n", "i", alert) + open);
    set(other, "p2", publish("n", "j", alert) + open);
    run();
    result(owner, "p1");
    result(other, "p2");
    CHECK(engine().node_count() == 1);
    CHECK(engine().node("n")->items == 2);
    CHECK(engine().node("n")->creator == bare);
}

TEST_CASE_METHOD(AutoCreate, "7.1.4 two at once, and the second may not publish", "[7.1.4]") {
    hold();
    set(owner, "p1", publish("n", "i", alert));
    set(other, "p2", publish("n", "j", alert));
    run();
    result(owner, "p1");
    error(other, "p2", "auth", "forbidden");   // the node is the first one's
    CHECK(engine().node("n")->items == 1);
}

TEST_CASE_METHOD(AutoCreate, "7.1.4 a transient node is made by its first event", "[7.1.4]") {
    set(owner, "p1", publish("n", "i", alert) + options("persist_items=0"));
    result(owner, "p1");
    restart();
    CHECK(engine().node("n").has_value());
    CHECK(engine().item_count() == 0);
}

TEST_CASE_METHOD(
    AutoCreate, "7.1.4 auto-create: nodes_max, name, and a name that moved", "[7.1.4]"
) {
    auto small = settings();
    small.nodes_max = 1;
    restart(small);
    set(owner, "p1", publish("n", "i", alert));
    result(owner, "p1");
    set(owner, "p2", publish("m", "i", alert));
    error(owner, "p2", "wait", "resource-constraint");
    owner_set(owner, "d", "<delete node='n'><redirect uri='xmpp:other.example?;node=n'/></delete>");
    result(owner, "d");
    set(owner, "p3", publish("n", "i", alert));
    result(owner, "p3");   // the name is taken again
    CHECK(engine().node("n")->items == 1);
}

TEST_CASE_METHOD(
    AutoCreate, "7.1.5 publish-options: one form, filled in, whose wishes can be true", "[7.1.5]"
) {
    const std::string wish = options("persist_items=1");
    set(owner, "p1", publish("n", "i", alert) + wish + options("persist_items=0"));
    error(owner, "p1", "modify", "bad-request");
    std::string given_up = wish;
    given_up.replace(given_up.find("submit"), 6, "cancel");
    set(owner, "p2", publish("n", "i", alert) + given_up);
    error(owner, "p2", "modify", "bad-request");
    set(owner, "p3", publish("n", "i", alert) + options("collection=nowhere"));
    error(owner, "p3", "cancel", "conflict", "precondition-not-met");
    CHECK(engine().node_count() == 0);
}

}   // namespace xep0060_auto_create_test
