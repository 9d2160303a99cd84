// tests/xep/xep0060_rights_test.cpp: rights by affiliation and access model (XEP-0060 §4.1, §4.5,
// §6.5.1).
#include "stage.hpp"

namespace xep0060_rights_test {

using grid::test::config_form;
using grid::test::Stage;

namespace {
const std::string owner = "hamlet@grid.example/elsinore";
const std::string actor = "francisco@grid.example/barracks", bare = "francisco@grid.example";

std::string publish(const std::string& id) {
    return "<publish node='n'><item id='" + id + "'><alert xmlns='urn:x:alert'/></item></publish>";
}
std::string retract(const std::string& id) {
    return "<retract node='n'><item id='" + id + "'/></retract>";
}
const std::string subscribe = "<subscribe node='n' jid='" + bare + "'/>";
const std::string items = "<items node='n'/>";
const std::string configure = "<configure node='n'>" + config_form("title=x") + "</configure>";

/// "yes", or what kept the actor from it: "type condition".
std::string outcome(Stage& stage) {
    const grid::xml::Element iq = stage.next(actor);
    if (iq.attr_or("type", "") == "result") return "yes";
    const grid::xml::Element* error = iq.child("error");
    REQUIRE(error != nullptr);
    return std::string(error->attr_or("type", "")) + " " + error->first_child()->name();
}
std::string asks(Stage& stage, const std::string& inner, bool is_get = false) {
    stage.forget();
    is_get ? stage.get(actor, "q", inner) : stage.set(actor, "q", inner);
    return outcome(stage);
}
std::string asks_as_owner(Stage& stage, const std::string& inner) {
    stage.forget();
    stage.owner_set(actor, "q", inner);
    return outcome(stage);
}

/// The actor is that to the node; nothing else is left of earlier rows.
void becomes(Stage& stage, const std::string& affiliation, const std::string& fields) {
    stage.creates(owner, "n", fields);
    stage.publishes(owner, "n", "others");
    if (affiliation != "none") stage.affiliates(owner, "n", bare, affiliation);
}
void is_over(Stage& stage) {
    stage.forget();
    stage.owner_set(owner, "d", "<delete node='n'/>");
    stage.next(owner);
}
}   // namespace

TEST_CASE_METHOD(Stage, "affiliations: each privilege", "[xep-0060][4.1]") {
    auto open = settings();
    open.allow_open = true;
    restart(open);
    const std::string no = "auth forbidden";
    struct Row {
        std::string affiliation, subscribe, retrieve, publish, retract_own, retract_other, purge,
            configure, remove;
    };
    const std::vector<Row> table{
        {"owner", "yes", "yes", "yes", "yes", "yes", "yes", "yes", "yes"},
        {"publisher", "yes", "yes", "yes", "yes", no, no, no, no},
        {"publish-only", no, no, "yes", "yes", no, no, no, no},
        {"member", "yes", "yes", no, no, no, no, no, no},
        {"none", "yes", "yes", no, no, no, no, no, no},
        {"outcast", no, no, no, no, no, no, no, no},
    };
    for (const Row& row : table) {
        INFO(row.affiliation);
        becomes(*this, row.affiliation, "access_model=open");
        CHECK(asks(*this, subscribe) == row.subscribe);
        CHECK(asks(*this, items, true) == row.retrieve);
        CHECK(asks(*this, publish("own")) == row.publish);
        // An account that may not publish has no item of its own.
        if (row.publish == "yes") CHECK(asks(*this, retract("own")) == row.retract_own);
        CHECK(asks(*this, retract("others")) == row.retract_other);
        CHECK(asks_as_owner(*this, "<purge node='n'/>") == row.purge);
        CHECK(asks_as_owner(*this, configure) == row.configure);
        CHECK(asks_as_owner(*this, "<delete node='n'/>") == row.remove);
        if (row.remove != "yes") is_over(*this);
    }
}

TEST_CASE_METHOD(Stage, "access models: who may subscribe, and then retrieve", "[xep-0060][4.5]") {
    auto open = settings();
    open.allow_open = true;
    restart(open);
    const std::string closed = "cancel not-allowed", unread = "auth not-authorized";
    const std::string no = "auth forbidden";
    struct Row {
        std::string model, affiliation, retrieve_before, subscribe, retrieve_after;
    };
    const std::vector<Row> table{
        {"open", "none", "yes", "yes", "yes"},
        {"open", "member", "yes", "yes", "yes"},
        {"open", "outcast", no, no, no},
        {"authorize", "none", unread, "yes", unread},   // pending is not subscribed
        {"authorize", "member", unread, "yes", "yes"},
        {"authorize", "publisher", "yes", "yes", "yes"},
        {"authorize", "publish-only", no, no, no},
        {"authorize", "outcast", no, no, no},
        {"whitelist", "none", closed, closed, closed},
        {"whitelist", "member", unread, "yes", "yes"},
        {"whitelist", "publisher", "yes", "yes", "yes"},
        {"whitelist", "owner", "yes", "yes", "yes"},
        {"whitelist", "publish-only", no, no, no},
        {"whitelist", "outcast", no, no, no},
    };
    for (const Row& row : table) {
        INFO(row.model << ", " << row.affiliation);
        becomes(*this, row.affiliation, "access_model=" + row.model);
        CHECK(asks(*this, items, true) == row.retrieve_before);
        CHECK(asks(*this, subscribe) == row.subscribe);
        CHECK(asks(*this, items, true) == row.retrieve_after);
        is_over(*this);
    }
}

TEST_CASE_METHOD(Stage, "subscriber-retrieve-error-persistent", "[xep-0060][6.5]") {
    creates(owner, "n", "persist_items=0");
    get(owner, "i1", items);
    error(owner, "i1", "cancel", "feature-not-implemented", "unsupported persistent-items");
}

TEST_CASE_METHOD(Stage, "owner-configure: cancel keeps all", "[xep-0060][8.2]") {
    creates(owner, "n", "title=Old notify_config=1");
    subscribes(owner, "n", "hamlet@grid.example");
    owner_set(
        owner, "c1", "<configure node='n'><x xmlns='jabber:x:data' type='cancel'/></configure>"
    );
    result(owner, "c1");
    receives_nothing("hamlet@grid.example");   // no change
    CHECK(engine().node("n")->title == "Old");
    owner_set(
        owner, "c2",
        "<configure node='n'><x xmlns='jabber:x:data' type='cancel'><field var='FORM_TYPE'>"
        "<value>http://jabber.org/protocol/pubsub#node_config</value></field>"
        "<field var='pubsub#title'><value>New</value></field></x></configure>"
    );
    result(owner, "c2");
    CHECK(engine().node("n")->title == "Old");
}

TEST_CASE_METHOD(
    Stage, "config-node-max: `max` is taken where a number is, and shown", "[xep-0060][8.2]"
) {
    auto some = settings();
    some.max_items_max = 3;
    restart(some);
    creates(owner, "n", "max_items=max item_expire=max");
    for (const char* id : {"a", "b", "c", "d"}) publishes(owner, "n", id);
    work_off();
    CHECK(engine().node("n")->items == 3);
    owner_get(owner, "g1", "<configure node='n'/>");
    const grid::xml::Element iq = next(owner);
    std::map<std::string, std::string> shown;
    for (const auto* field : iq.first_child()->first_child()->first_child()->children("field"))
        if (const auto* value = field->child("value"))
            shown[std::string(field->attr_or("var", ""))] = value->text();
    CHECK(shown["pubsub#max_items"] == "max");
    CHECK(shown["pubsub#item_expire"] == "max");
    for (const char* bad : {"max_items=4", "max_items=0", "max_items=-1", "max_items=maximum"}) {
        owner_set(owner, "c1", "<configure node='n'>" + config_form(bad) + "</configure>");
        error(owner, "c1", "modify", "not-acceptable");
    }
}

TEST_CASE_METHOD(Stage, "contact: a list of addresses, and nothing else", "[xep-0060][8.2]") {
    creates(owner, "n");
    const auto contacts = [](const std::string& values) {
        return "<configure node='n'><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'>"
               "<value>http://jabber.org/protocol/pubsub#node_config</value></field>"
               "<field var='pubsub#contact'>" +
               values + "</field></x></configure>";
    };
    owner_set(owner, "c1", contacts("<value>a@grid.example</value><value>b@grid.example</value>"));
    result(owner, "c1");
    sends(
        owner,
        "<iq type='get' id='q'><query xmlns='http://jabber.org/protocol/disco#info' node='n'/></iq>"
    );
    receives(owner, R"(<iq type='result' id='q'>
        <query xmlns='http://jabber.org/protocol/disco#info' node='n'>...
          <x xmlns='jabber:x:data' type='result'>...
            <field var='pubsub#contact' type='jid-multi'><value>a@grid.example</value>
              <value>b@grid.example</value></field></x></query></iq>)");
    owner_set(owner, "c2", contacts("<value>not an address@@</value>"));
    error(owner, "c2", "modify", "not-acceptable");
}

}   // namespace xep0060_rights_test
