// tests/xep/xep0060_approval_test.cpp: manage subscription requests (XEP-0060 §8.6, §12.14).
#include "stage.hpp"
#include "xml/form.hpp"
#include "xml/namespaces.hpp"

namespace xep0060_approval_test {

using grid::test::pubsub_ns;
using grid::test::Stage;

namespace {
const std::string owner = "hamlet@grid.example/elsinore", owner_bare = "hamlet@grid.example";
const std::string reader = "horatio@grid.example/x", bare = "horatio@grid.example";

/// A node that needs approval, and a request for it; returns the form that the owner got.
grid::xml::Form asks(Stage& stage) {
    stage.creates(owner, "n", "access_model=authorize");
    stage.set(reader, "s1", "<subscribe node='n' jid='" + bare + "'/>");
    stage.result(
        reader, "s1",
        "<pubsub xmlns='" + pubsub_ns + "'><subscription node='n' jid='" + bare +
            "' subscription='pending'/></pubsub>"
    );
    stage.event(bare, "<subscription node='n' jid='" + bare + "' subscription='pending'/>");
    const auto message = stage.next(owner_bare);
    CHECK(message.attr("id") != nullptr);
    const auto form = grid::xml::Form::parse(*message.child("x", grid::xml::ns::data));
    REQUIRE(form.has_value());
    return *form;
}

std::string filled(
    const grid::xml::Form& form, const std::string& allow, const std::string& type = "submit"
) {
    std::string message = "<message id='approve1'><x xmlns='jabber:x:data' type='" + type +
                          "'><field var='FORM_TYPE' type='hidden'><value>" + pubsub_ns +
                          "#subscribe_authorization</value></field>";
    for (const char* name : {"pubsub#subid", "pubsub#node", "pubsub#subscriber_jid"})
        message += "<field var='" + std::string(name) + "'><value>" +
                   std::string(form.field(name)->value()) + "</value></field>";
    return message + "<field var='pubsub#allow'><value>" + allow + "</value></field></x></message>";
}
}   // namespace

TEST_CASE_METHOD(Stage, "owner-subreq: the request to the owner", "[xep-0060][8.6]") {
    const auto form = asks(*this);
    CHECK(form.type == "form");
    CHECK(form.form_type() == pubsub_ns + "#subscribe_authorization");
    CHECK(form.field("pubsub#node")->value() == "n");
    CHECK(form.field("pubsub#subscriber_jid")->value() == bare);
    CHECK(!form.field("pubsub#subid")->value().empty());
    CHECK(form.field("pubsub#allow")->type == "boolean");
    publishes(owner, "n", "a");   // pending: no notifications
    receives_nothing(bare);
}

TEST_CASE_METHOD(Stage, "owner-subreq: approved", "[xep-0060][8.6]") {
    const auto form = asks(*this);
    sends(owner, filled(form, "true"));
    event(bare, "<subscription node='n' jid='" + bare + "' subscription='subscribed'/>");
    publishes(owner, "n", "a");
    event(bare, "<items node='n'><item id='a'>...</item></items>");
    restart();
    get(reader, "i1", "<items node='n'/>");
    CHECK(next(reader).attr_or("type", "") == "result");
}

TEST_CASE_METHOD(Stage, "owner-subreq: denied", "[xep-0060][8.6]") {
    const auto form = asks(*this);
    sends(owner, filled(form, "0"));
    event(bare, "<subscription node='n' jid='" + bare + "' subscription='none'/>");
    CHECK(engine().subscription_count() == 0);
    sends(owner, filled(form, "1"));   // too late: there is nothing to approve
    CHECK(engine().subscription_count() == 0);
}

TEST_CASE_METHOD(Stage, "owner-subreq: an answer that is none is refused", "[xep-0060][8.6]") {
    const auto form = asks(*this);
    const std::string good = filled(form, "1");
    const auto refused = [&](const std::string& wrong, const std::string& var) {
        INFO(wrong);
        sends(owner, wrong);
        const auto answer = next(owner);
        CHECK(answer.name() == "message");
        CHECK(answer.attr_or("id", "") == "approve1");
        const auto* error = answer.child("error");
        REQUIRE(error != nullptr);
        CHECK(error->attr_or("type", "") == "modify");
        CHECK(error->first_child()->name() == "bad-request");
        CHECK(error->child_any_ns("text")->text().find(var) != std::string::npos);
    };
    for (const std::string var : {"pubsub#node", "pubsub#subscriber_jid", "pubsub#allow"}) {
        std::string without = good;   // the form has a field of another name
        without.replace(without.find(var), var.size(), "pubsub#other");
        refused(without, var);
        std::string twice = good;
        twice.insert(twice.find("<value>", twice.find(var)), "<value>1</value>");
        refused(twice, var);
    }
    refused(filled(form, "maybe"), "pubsub#allow");
    sends(owner, "<message type='error' id='approve1'>" + good.substr(good.find("<x")));
    receives_nothing(owner);
    receives_nothing(bare);
    sends(owner, good);   // still pending
    event(bare, "<subscription node='n' jid='" + bare + "' subscription='subscribed'/>");
}

TEST_CASE_METHOD(Stage, "owner-subreq: cancelled stays pending", "[xep-0060][8.6]") {
    const auto form = asks(*this);
    sends(owner, filled(form, "true", "cancel"));
    set(reader, "s2", "<subscribe node='n' jid='" + bare + "'/>");
    error(reader, "s2", "auth", "not-authorized", "pending-subscription");
}

TEST_CASE_METHOD(
    Stage, "owner-subreq: an answer that is not an owner's is ignored", "[xep-0060][8.6]"
) {
    const auto form = asks(*this);
    sends(reader, filled(form, "true"));
    receives_nothing(bare);
    receives_nothing(reader);
    CHECK(policy.refusals == std::vector<std::string>{bare + " manage n"});   // but on record
    set(reader, "s2", "<subscribe node='n' jid='" + bare + "'/>");
    error(reader, "s2", "auth", "not-authorized", "pending-subscription");
}

TEST_CASE_METHOD(Stage, "owner-subreq: members need no approval", "[xep-0060][8.6]") {
    creates(owner, "n", "access_model=authorize");
    affiliates(owner, "n", bare, "member");
    subscribes(reader, "n", bare);
    receives_nothing(owner_bare);
}

TEST_CASE_METHOD(Stage, "a pending subscription can be withdrawn", "[xep-0060][8.6]") {
    asks(*this);
    set(reader, "u1", "<unsubscribe node='n' jid='" + bare + "'/>");
    result(reader, "u1");
    CHECK(engine().subscription_count() == 0);
}

TEST_CASE_METHOD(
    Stage, "a request that needs no approval any more is granted when it comes again", "[8.6][6.1]"
) {
    auto open = settings();
    open.allow_open = true;
    restart(open);
    asks(*this);
    configures(owner, "n", "access_model=open");
    forget();
    set(reader, "s2", "<subscribe node='n' jid='" + bare + "'/>");
    result(
        reader, "s2",
        "<pubsub xmlns='" + pubsub_ns + "'><subscription node='n' jid='" + bare +
            "' subscription='subscribed'/></pubsub>"
    );
    event(bare, "<subscription node='n' jid='" + bare + "' subscription='subscribed'/>");
    CHECK(engine().subscription_count() == 1);
    publishes(owner, "n", "a");
    event(bare, "<items node='n'><item id='a'>...</item></items>");
}

}   // namespace xep0060_approval_test
