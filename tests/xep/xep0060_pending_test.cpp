// tests/xep/xep0060_pending_test.cpp: process pending subscription requests (XEP-0060 §8.7), by
// an ad-hoc command (XEP-0050).
#include <set>

#include "stage.hpp"
#include "xml/form.hpp"
#include "xml/namespaces.hpp"

namespace xep0060_pending_test {

using grid::test::pubsub_ns;
using grid::test::Stage;

namespace {

const std::string owner = "hamlet@grid.example/elsinore", owner_bare = "hamlet@grid.example";
const std::string reader = "horatio@grid.example/x", bare = "horatio@grid.example";
const std::string commands_ns = "http://jabber.org/protocol/commands";
const std::string get_pending = pubsub_ns + "#get-pending";

class PendingStage : public Stage {
protected:
    PendingStage() {
        for (const char* node : {"news", "musings", "quiet"})
            creates(owner, node, "access_model=authorize");
        asks("musings", bare);
        asks("musings", "bernardo@grid.example");
        asks("news", bare);
        forget();
    }
    void asks(const std::string& node, const std::string& jid) {
        set(jid + "/x", "s1", "<subscribe node='" + node + "' jid='" + jid + "'/>");
    }
    void commands(
        const std::string& from,
        const std::string& id,
        const std::string& attrs,
        const std::string& inner = ""
    ) {
        sends(
            from, "<iq type='set' id='" + id + "'><command xmlns='" + commands_ns + "' node='" +
                      get_pending + "' " + attrs + ">" + inner + "</command></iq>"
        );
    }
    /// Returns the session's id.
    std::string executes(const std::string& from) {
        commands(from, "pending1", "action='execute'");
        const auto answer = next(from);
        REQUIRE(answer.attr_or("type", "") == "result");
        return std::string(answer.first_child()->attr_or("sessionid", ""));
    }
    static std::string chosen(const std::string& node) {
        return "<x xmlns='jabber:x:data' type='submit'><field var='pubsub#node'><value>" + node +
               "</value></field></x>";
    }
    void refuses(const std::string& id, const std::string& application) {
        receives(
            owner, "<iq type='error' id='" + id +
                       "'><error type='modify'><bad-request "
                       "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><" +
                       application + " xmlns='" + commands_ns + "'/></error></iq>"
        );
    }
};

}   // namespace

TEST_CASE_METHOD(PendingStage, "8.7 get-pending: the nodes with requests to choose from", "[8.7]") {
    commands(owner, "pending1", "action='execute'");
    receives(
        owner,
        "<iq type='result' id='pending1'><command xmlns='" + commands_ns + "' node='" +
            get_pending +
            "' status='executing'><actions execute='complete'><complete/></actions><x "
            "xmlns='jabber:x:data' type='form'>...<field var='FORM_TYPE' type='hidden'><value>" +
            pubsub_ns +
            "#subscribe_authorization</value></field><field var='pubsub#node' "
            "type='list-single'><option><value>musings</value></option>"
            "<option><value>news</value></option></field></x></command></iq>"
    );
}

TEST_CASE_METHOD(PendingStage, "8.7 get-pending: nothing is listed under the command", "[8.7]") {
    sends(
        owner,
        "<iq type='get' id='d'><query xmlns='http://jabber.org/protocol/disco#items' node='" +
            get_pending + "'/></iq>"
    );
    const auto answer = next(owner);
    CHECK(answer.attr_or("type", "") == "result");
    CHECK(answer.first_child()->attr_or("node", "") == get_pending);
    CHECK(answer.first_child()->first_child() == nullptr);
}

TEST_CASE_METHOD(PendingStage, "8.7 get-pending: the requests of one node, again", "[8.7]") {
    const std::string session = executes(owner);
    REQUIRE(!session.empty());
    // As the XEP's own example has it: action execute, with the session.
    commands(owner, "pending2", "action='execute' sessionid='" + session + "'", chosen("musings"));
    receives(
        owner, "<iq type='result' id='pending2'><command xmlns='" + commands_ns + "' node='" +
                   get_pending + "' sessionid='" + session + "' status='completed'/></iq>"
    );
    std::set<std::string> subscribers;
    for (int i = 0; i < 2; ++i) {
        const auto message = next(owner_bare);
        const auto form = grid::xml::Form::parse(*message.child("x", grid::xml::ns::data));
        REQUIRE(form.has_value());
        CHECK(form->form_type() == pubsub_ns + "#subscribe_authorization");
        CHECK(form->field("pubsub#node")->value() == "musings");
        CHECK(!form->field("pubsub#subid")->value().empty());
        CHECK(form->field("pubsub#allow")->type == "boolean");
        subscribers.emplace(form->field("pubsub#subscriber_jid")->value());
    }
    CHECK(subscribers == std::set<std::string>{"bernardo@grid.example", bare});
    receives_nothing(owner_bare);
}

TEST_CASE_METHOD(PendingStage, "8.7 get-pending: what is answered is listed no more", "[8.7]") {
    for (const char* node : {"news", "musings"})
        owner_set(
            owner, "m",
            "<subscriptions node='" + std::string(node) + "'><subscription jid='" + bare +
                "' subscription='subscribed'/></subscriptions>"
        );
    forget();
    restart();
    commands(owner, "pending1", "");   // execute is the default
    const auto answer = next(owner);
    const auto form =
        grid::xml::Form::parse(*answer.first_child()->child("x", grid::xml::ns::data));
    REQUIRE(form.has_value());
    const auto* field = form->field("pubsub#node");
    REQUIRE(field->options.size() == 1);   // bernardo still waits for musings
    CHECK(field->options[0].value == "musings");
    CHECK(memory().pending().size() == 1);
}

TEST_CASE_METHOD(PendingStage, "8.7 get-pending: administrators see all nodes", "[8.7]") {
    policy.administrators.insert("king@grid.example");
    const std::string session = executes("king@grid.example/throne");
    commands(
        "king@grid.example/throne", "pending2", "action='complete' sessionid='" + session + "'",
        chosen("news")
    );
    CHECK(next("king@grid.example/throne").attr_or("type", "") == "result");
    CHECK(next("king@grid.example").child("x", grid::xml::ns::data) != nullptr);
    receives_nothing(owner_bare);   // another owner, who did not ask
}

TEST_CASE_METHOD(PendingStage, "8.7 get-pending: forbidden", "[8.7]") {
    commands(reader, "pending1", "action='execute'");
    error(reader, "pending1", "cancel", "forbidden");
    creates(reader, "own", "");   // owns a node, but not that one
    const std::string session = executes(reader);
    commands(reader, "pending2", "action='execute' sessionid='" + session + "'", chosen("news"));
    error(reader, "pending2", "cancel", "forbidden");
    receives_nothing(bare);
}

TEST_CASE_METHOD(PendingStage, "8.7 get-pending: item-not-found", "[8.7]") {
    const std::string session = executes(owner);
    commands(owner, "p2", "action='execute' sessionid='" + session + "'", chosen("nowhere"));
    error(owner, "p2", "cancel", "item-not-found");
    sends(
        owner, "<iq type='set' id='p3'><command xmlns='" + commands_ns +
                   "' node='unheard-of' action='execute'/></iq>"
    );
    error(owner, "p3", "cancel", "item-not-found");
}

TEST_CASE_METHOD(PendingStage, "8.7 commands: malformed-action, bad-action", "[8.7]") {
    commands(owner, "a1", "action='dance'");
    refuses("a1", "malformed-action");
    const std::string session = executes(owner);
    for (const char* action : {"prev", "next"}) {
        commands(owner, "a2", std::string("action='") + action + "' sessionid='" + session + "'");
        refuses("a2", "bad-action");
    }
    commands(owner, "a3", "action='complete'");   // before it was executed
    refuses("a3", "bad-action");
}

TEST_CASE_METHOD(PendingStage, "8.7 commands: bad-sessionid", "[8.7]") {
    for (const char* session : {"made-up", "get-pending:1:0000000000000000", ""}) {
        commands(
            owner, "s1", std::string("action='execute' sessionid='") + session + "'", chosen("news")
        );
        refuses("s1", "bad-sessionid");
    }
    // Another's.
    policy.administrators.insert("king@grid.example");
    const std::string session = executes("king@grid.example/throne");
    commands(owner, "s2", "action='execute' sessionid='" + session + "'", chosen("news"));
    refuses("s2", "bad-sessionid");
    commands(owner, "s3", "action='cancel'");
    refuses("s3", "bad-sessionid");
}

TEST_CASE_METHOD(PendingStage, "8.7 commands: session-expired", "[8.7]") {
    const std::string session = executes(owner);
    advance(3600 * 1000);
    commands(owner, "s1", "action='execute' sessionid='" + session + "'", chosen("news"));
    receives(
        owner,
        "<iq type='error' id='s1'><error type='cancel'><not-allowed "
        "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><session-expired xmlns='" +
            commands_ns + "'/></error></iq>"
    );
}

TEST_CASE_METHOD(PendingStage, "8.7 commands: bad-payload", "[8.7]") {
    const std::string session = executes(owner);
    const std::string with = "action='execute' sessionid='" + session + "'";
    commands(owner, "p1", with);
    refuses("p1", "bad-payload");
    commands(owner, "p2", with, "<x xmlns='jabber:x:data' type='submit'/>");
    refuses("p2", "bad-payload");
    commands(owner, "p3", with, "<x xmlns='jabber:x:data' type='nonsense'/>");
    refuses("p3", "bad-payload");
}

TEST_CASE_METHOD(PendingStage, "8.7 commands: cancel", "[8.7]") {
    const std::string session = executes(owner);
    commands(owner, "c1", "action='cancel' sessionid='" + session + "'");
    receives(
        owner, "<iq type='result' id='c1'><command xmlns='" + commands_ns + "' sessionid='" +
                   session + "' status='canceled'/></iq>"
    );
    receives_nothing(owner_bare);
}

TEST_CASE_METHOD(PendingStage, "8.7 commands: discovery lists the command", "[8.7]") {
    const std::string items = "http://jabber.org/protocol/disco#items",
                      info = "http://jabber.org/protocol/disco#info";
    sends(
        owner,
        "<iq type='get' id='d1'><query xmlns='" + items + "' node='" + commands_ns + "'/></iq>"
    );
    result(
        owner, "d1",
        "<query xmlns='" + items + "' node='" + commands_ns + "'><item jid='" +
            std::string(service) + "' node='" + get_pending + "'/></query>"
    );
    sends(
        owner,
        "<iq type='get' id='d2'><query xmlns='" + info + "' node='" + get_pending + "'/></iq>"
    );
    result(
        owner, "d2",
        "<query xmlns='" + info + "' node='" + get_pending +
            "'><identity category='automation' type='command-node'/><feature var='" + commands_ns +
            "'/><feature var='jabber:x:data'/></query>"
    );
    sends(owner, "<iq type='get' id='d3'><query xmlns='" + info + "'/></iq>");
    receives(
        owner, "<iq type='result' id='d3'><query xmlns='" + info + "'>...<feature var='" +
                   commands_ns + "'/><feature var='" + get_pending + "'/></query></iq>"
    );
}

TEST_CASE_METHOD(
    PendingStage, "8.7 pending: who is let in is approved, who is shut out is not", "[8.7]"
) {
    affiliates(owner, "musings", bare, "publisher");
    event(bare, "<subscription node='musings' jid='" + bare + "' subscription='subscribed'/>");
    affiliates(owner, "musings", "bernardo@grid.example", "outcast");
    event(
        "bernardo@grid.example",
        "<subscription node='musings' jid='bernardo@grid.example' subscription='none'/>"
    );
    CHECK(memory().pending().size() == 1);   // news
}

}   // namespace xep0060_pending_test
