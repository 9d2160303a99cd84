// tests/xep/xep0060_options_test.cpp: subscription options (XEP-0060 §6.3, §6.3.7, §6.4).
#include "stage.hpp"
#include "xml/form.hpp"
#include "xml/namespaces.hpp"

namespace xep0060_options_test {

using grid::test::options_form;
using grid::test::pubsub_ns;
using grid::test::Stage;

namespace {

const std::string owner = "hamlet@grid.example/elsinore";
const std::string reader = "francisco@grid.example/barracks", bare = "francisco@grid.example";
const std::string stranger = "rosencrantz@grid.example/x";

/// A node that the reader has subscribed to.
class OptionsStage : public Stage {
protected:
    void opens(const std::string& fields = "") {
        creates(owner, "n", fields);
        affiliates(owner, "n", bare, "member");
        subscribes(reader, "n", bare);
    }
    void sets(const std::string& fields, const std::string& more = "") {
        set(reader, "options2", options(more, options_form(fields)));
        result(reader, "options2");
    }
    static std::string options(const std::string& more = "", const std::string& inner = "") {
        return "<options node='n' jid='" + bare + "'" + more + ">" + inner + "</options>";
    }
    grid::xml::Form form(const std::string& more = "") {
        get(reader, "options1", options(more));
        const auto iq = next(reader);
        REQUIRE(iq.attr_or("type", "") == "result");
        const auto* element = iq.first_child()->first_child();
        CHECK(element->attr_or("node", "") == "n");
        CHECK(element->attr_or("jid", "") == bare);
        CHECK(!element->attr_or("subid", "").empty());
        const auto form = grid::xml::Form::parse(*element->child("x", grid::xml::ns::data));
        REQUIRE(form.has_value());
        CHECK(form->form_type() == pubsub_ns + "#subscribe_options");
        return *form;
    }
    std::vector<std::string> value(const std::string& name) {
        const auto now = form();
        const auto* field = now.field("pubsub#" + name);
        REQUIRE(field != nullptr);
        return field->values;
    }
    grid::pubsub::Subscriber subscriber() {
        const auto audience = engine().audience(engine().node("n")->uid);
        REQUIRE(audience.size() == 1);
        return audience.front();
    }
    void refuses(const std::string& fields) {
        INFO(fields);
        set(reader, "bad", options("", options_form(fields)));
        error(reader, "bad", "modify", "bad-request", "invalid-options");
    }
};

using Values = std::vector<std::string>;

}   // namespace

TEST_CASE_METHOD(OptionsStage, "6.3 options: the form has every option", "[6.3]") {
    opens();
    const auto shown = form();
    CHECK(shown.type == "form");
    const auto check = [&](const char* name, const char* type, const Values& values) {
        const auto* field = shown.field(name);
        REQUIRE(field != nullptr);
        CHECK(field->type == type);
        CHECK(field->values == values);
        CHECK(!field->label.empty());
    };
    check("pubsub#deliver", "boolean", {"1"});
    check("pubsub#digest", "boolean", {"0"});
    check("pubsub#digest_frequency", "text-single", {"86400000"});
    check("pubsub#expire", "text-single", {""});
    CHECK(shown.field("pubsub#include_body") == nullptr);   // these payloads have no text
    check("pubsub#show-values", "list-multi", {"away", "chat", "dnd", "online", "xa"});
    check("pubsub#subscription_type", "list-single", {"items"});
    check("pubsub#subscription_depth", "text-single", {"1"});
    CHECK(shown.field("pubsub#show-values")->options.size() == 5);
    CHECK(shown.field("pubsub#subscription_type")->options.size() == 3);
}

TEST_CASE_METHOD(OptionsStage, "6.3 options: all are kept, also over a restart", "[6.3]") {
    opens();
    sets(
        "deliver=0 digest=true digest_frequency=5000 expire=presence "
        "show-values=chat show-values=online subscription_type=all subscription_depth=all"
    );
    restart();
    // No account is online after a start: a temporary subscription would go with background work.
    CHECK(value("deliver") == Values{"0"});
    CHECK(value("digest") == Values{"1"});
    CHECK(value("digest_frequency") == Values{"5000"});
    CHECK(value("expire") == Values{"presence"});
    CHECK(value("show-values") == Values{"chat", "online"});
    CHECK(value("subscription_type") == Values{"all"});
    CHECK(value("subscription_depth") == Values{"all"});
    sets("subscription_depth=3 expire=");   // the rest stays (XEP-0004 §3.5)
    CHECK(value("subscription_depth") == Values{"3"});
    CHECK(value("expire") == Values{""});
    CHECK(value("digest_frequency") == Values{"5000"});
}

TEST_CASE_METHOD(OptionsStage, "6.3 options: cancel changes nothing", "[6.3]") {
    opens();
    set(reader, "c1", options("", "<x xmlns='jabber:x:data' type='cancel'/>"));
    result(reader, "c1");
    CHECK(value("deliver") == Values{"1"});
}

TEST_CASE_METHOD(OptionsStage, "6.3 options: what fills the form in is submitted", "[6.3]") {
    opens();
    set(reader, "s1", options("", "<x xmlns='jabber:x:data' type='result'/>"));
    error(reader, "s1", "modify", "bad-request");
    set(reader, "s2", options());
    error(reader, "s2", "modify", "bad-request");
}

TEST_CASE_METHOD(OptionsStage, "6.3 options: invalid-options", "[6.3]") {
    opens();
    for (const char* fields :
         {"deliver=maybe", "digest=2", "digest_frequency=soon", "digest_frequency=-1",
          "digest_frequency=99999999999", "expire=tomorrow", "expire=2020-01-01T00:00:00Z",
          "include_body=yes", "include_body=1", "show-values=asleep",
          "show-values=", "subscription_type=leaves", "subscription_depth=deep", "unheard_of=1"})
        refuses(fields);
    set(reader, "bad",
        options(
            "", "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>" +
                    pubsub_ns + "#node_config</value></field></x>"
        ));
    error(reader, "bad", "modify", "bad-request", "invalid-options");
    CHECK(value("deliver") == Values{"1"});
}

TEST_CASE_METHOD(OptionsStage, "6.3 options: forbidden for another's subscription", "[6.3]") {
    opens();
    get(stranger, "o1", options());
    error(stranger, "o1", "auth", "forbidden");
    set(stranger, "o2", options("", options_form("deliver=0")));
    error(stranger, "o2", "auth", "forbidden");
    CHECK(value("deliver") == Values{"1"});
    // Owners of the node and administrators may.
    set(owner, "o3", options("", options_form("deliver=0")));
    result(owner, "o3");
    CHECK(value("deliver") == Values{"0"});
    policy.administrators.insert("rosencrantz@grid.example");
    set(stranger, "o4", options("", options_form("deliver=1")));
    result(stranger, "o4");
    CHECK(value("deliver") == Values{"1"});
}

TEST_CASE_METHOD(OptionsStage, "6.3 options: not-subscribed", "[6.3]") {
    creates(owner, "n");
    get(reader, "o1", options());
    error(reader, "o1", "modify", "unexpected-request", "not-subscribed");
    set(reader, "o2", options("", options_form("deliver=0")));
    error(reader, "o2", "modify", "unexpected-request", "not-subscribed");
}

TEST_CASE_METHOD(OptionsStage, "6.3 options: jid-required", "[6.3]") {
    opens();
    get(reader, "o1", "<options node='n'/>");
    error(reader, "o1", "modify", "bad-request", "jid-required");
    get(reader, "o2", "<options node='n' jid='@bad@'/>");
    error(reader, "o2", "modify", "bad-request", "invalid-jid");
}

TEST_CASE_METHOD(OptionsStage, "6.3 options: subid-required", "[6.3]") {
    opens();
    set(reader, "s2",
        "<subscribe node='n' jid='" + bare + "'/><options>" +
            options_form("digest_frequency=5000") + "</options>");
    const auto answer = next(reader);
    const auto second = answer.first_child()->first_child()->attr_or("subid", "");
    REQUIRE(!second.empty());
    get(reader, "o1", options());
    error(reader, "o1", "modify", "bad-request", "subid-required");
    const std::string subid = " subid='" + std::string(second) + "'";
    CHECK(form(subid).field("pubsub#digest_frequency")->value() == "5000");
    sets("digest=1", subid);
    CHECK(form(subid).field("pubsub#digest")->value() == "1");
}

TEST_CASE_METHOD(OptionsStage, "6.3 options: invalid-subid", "[6.3]") {
    opens();
    get(reader, "o1", options(" subid='wrong'"));
    error(reader, "o1", "modify", "not-acceptable", "invalid-subid");
    const std::string right = subid(reader, "n", bare);
    form(" subid='" + right + "'");   // superfluous with one subscription, and right
}

TEST_CASE_METHOD(OptionsStage, "6.3 options: item-not-found", "[6.3]") {
    get(reader, "o1", options());
    error(reader, "o1", "cancel", "item-not-found");
    get(reader, "o2", "<options jid='" + bare + "'/>");
    error(reader, "o2", "modify", "bad-request", "nodeid-required");
    // A node that may not be discovered looks like none.
    creates(owner, "n");
    policy.rule = [](std::string_view actor, grid::pubsub::Right operation, std::string_view) {
        return actor != stranger || operation != grid::pubsub::Right::Discover;
    };
    get(stranger, "o3", options());
    error(stranger, "o3", "cancel", "item-not-found");
}

TEST_CASE_METHOD(
    OptionsStage, "6.3.7 subscribe and configure: the options that came of it", "[6.3.7]"
) {
    creates(owner, "n", "type=http://www.w3.org/2005/Atom");   // which has a text for a body
    affiliates(owner, "n", bare, "member");
    set(reader, "sub1",
        "<subscribe node='n' jid='" + bare + "'/><options>" +
            options_form("deliver=1 digest=0 include_body=true show-values=chat") + "</options>");
    result(
        reader, "sub1",
        "<pubsub xmlns='" + pubsub_ns + "'><subscription node='n' jid='" + bare +
            "' subscription='subscribed'/><options><x xmlns='jabber:x:data' type='result'>..."
            "<field var='FORM_TYPE' type='hidden'><value>" +
            pubsub_ns +
            "#subscribe_options</value></field><field var='pubsub#deliver'><value>1</value></field>"
            "<field var='pubsub#include_body'><value>1</value></field>"
            "<field var='pubsub#show-values'><value>chat</value></field></x></options></pubsub>"
    );
    CHECK(subscriber().copy.has_body);
    CHECK(subscriber().shows == grid::pubsub::Chat);
}

TEST_CASE_METHOD(
    OptionsStage, "6.3.7 subscribe and configure: bad-request by the order", "[6.3.7]"
) {
    creates(owner, "n");
    affiliates(owner, "n", bare, "member");
    const std::string subscribe = "<subscribe node='n' jid='" + bare + "'/>";
    set(reader, "s1", "<options>" + options_form("deliver=1") + "</options>" + subscribe);
    error(reader, "s1", "modify", "bad-request");
    set(reader, "s2", subscribe + "<options node='n'>" + options_form("deliver=1") + "</options>");
    error(reader, "s2", "modify", "bad-request");
    set(reader, "s3",
        subscribe + "<options jid='" + bare + "'>" + options_form("deliver=1") + "</options>");
    error(reader, "s3", "modify", "bad-request");
    CHECK(engine().subscription_count() == 0);
}

TEST_CASE_METHOD(OptionsStage, "6.3.7 subscribe and configure: invalid-options", "[6.3.7]") {
    creates(owner, "n");
    affiliates(owner, "n", bare, "member");
    set(reader, "s1",
        "<subscribe node='n' jid='" + bare + "'/><options>" + options_form("deliver=perhaps") +
            "</options>");
    error(reader, "s1", "modify", "bad-request", "invalid-options");
    CHECK(engine().subscription_count() == 0);
}

TEST_CASE_METHOD(OptionsStage, "6.4 default options: of a node and of the service", "[6.4]") {
    creates(owner, "n");
    get(reader, "def1", "<default node='n'/>");
    result(
        reader, "def1",
        "<pubsub xmlns='" + pubsub_ns +
            "'><default node='n'><x xmlns='jabber:x:data' type='result'>...<field "
            "var='pubsub#deliver'><value>1</value></field><field "
            "var='pubsub#digest'><value>0</value></field></x></default></pubsub>"
    );
    get(reader, "def2", "<default/>");
    const auto answer = next(reader);
    const auto* element = answer.first_child()->first_child();
    CHECK(element->attr("node") == nullptr);
    const auto form = grid::xml::Form::parse(*element->child("x", grid::xml::ns::data));
    REQUIRE(form.has_value());
    CHECK(form->fields.size() == 8);   // all but include_body: it is of no node
    get(reader, "def3", "<default node='nowhere'/>");
    error(reader, "def3", "cancel", "item-not-found");
    set(reader, "def4", "<default node='n'/>");
    error(reader, "def4", "modify", "bad-request");
}

}   // namespace xep0060_options_test
