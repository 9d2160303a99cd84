// tests/xep/xep0060_subscribe_test.cpp: subscribe and unsubscribe (XEP-0060 §6.1, §6.2).
#include "stage.hpp"

namespace xep0060_subscribe_test {

using grid::test::options_form;
using grid::test::pubsub_ns;
using grid::test::Stage;

namespace {
const std::string owner = "hamlet@grid.example/elsinore", owner_bare = "hamlet@grid.example";
const std::string reader = "francisco@grid.example/barracks", bare = "francisco@grid.example";

std::string subscribe(const std::string& jid, const std::string& node = "n") {
    return "<subscribe node='" + node + "' jid='" + jid + "'/>";
}
std::string unsubscribe(const std::string& jid, const std::string& more = "") {
    return "<unsubscribe node='n' jid='" + jid + "'" + more + "/>";
}
std::string state(const std::string& jid, const std::string& state) {
    return "<pubsub xmlns='" + pubsub_ns + "'><subscription node='n' jid='" + jid +
           "' subscription='" + state + "'/></pubsub>";
}
}   // namespace

TEST_CASE_METHOD(Stage, "subscriber-subscribe-success", "[xep-0060][6.1]") {
    creates(owner, "n");
    affiliates(owner, "n", bare, "member");
    set(reader, "s1", subscribe(bare));
    const auto answer = next(reader);
    const auto* subscription = answer.first_child()->first_child();
    CHECK(subscription->attr_or("subscription", "") == "subscribed");
    CHECK(subscription->attr_or("jid", "") == bare);
    CHECK(!subscription->attr_or("subid", "").empty());
    // Repeated: the state it is in, and still one subscription (§6.1.6, no multi-subscribe).
    set(reader, "s2", subscribe(bare));
    CHECK(
        next(reader).first_child()->first_child()->attr_or("subid", "") ==
        subscription->attr_or("subid", "")
    );
    CHECK(engine().subscription_count() == 1);
    set(reader, "s3", subscribe(reader));   // another JID, another subscription
    result(reader, "s3", state(reader, "subscribed"));
    CHECK(engine().subscription_count() == 2);
    CHECK(engine().subscribed_nodes(*grid::xml::Jid::parse(bare)).size() == 1);
}

TEST_CASE_METHOD(Stage, "subscriber-subscribe-error-nomatch", "[xep-0060][6.1]") {
    creates(owner, "n");
    set(reader, "s1", subscribe("bernardo@grid.example"));
    error(reader, "s1", "modify", "bad-request", "invalid-jid");
    set(reader, "s2", subscribe("@bad@"));
    error(reader, "s2", "modify", "bad-request", "invalid-jid");
    set(reader, "s3", "<subscribe node='n'/>");
    error(reader, "s3", "modify", "bad-request", "invalid-jid");
    policy.administrators.insert(bare);   // exempt
    set(reader, "s4", subscribe("bernardo@grid.example"));
    result(reader, "s4", state("bernardo@grid.example", "subscribed"));
    event(
        "bernardo@grid.example",
        "<subscription node='n' jid='bernardo@grid.example' "
        "subscription='subscribed'/>"
    );
}

TEST_CASE_METHOD(Stage, "subscriber-subscribe-error-whitelist", "[xep-0060][6.1]") {
    creates(owner, "n", "access_model=whitelist");
    set(reader, "s1", subscribe(bare));
    error(reader, "s1", "cancel", "not-allowed", "closed-node");
    set(owner, "s2", subscribe(owner_bare));   // the owner is on it
    result(owner, "s2", state(owner_bare, "subscribed"));
}

TEST_CASE_METHOD(Stage, "subscriber-subscribe-error-pending", "[xep-0060][6.1]") {
    creates(owner, "n", "access_model=authorize");
    set(reader, "s1", subscribe(bare));
    result(reader, "s1", state(bare, "pending"));
    set(reader, "s2", subscribe(bare));
    error(reader, "s2", "auth", "not-authorized", "pending-subscription");
}

TEST_CASE_METHOD(Stage, "subscriber-subscribe-error-blocked", "[xep-0060][6.1]") {
    creates(owner, "n");
    for (const char* affiliation : {"outcast", "publish-only"}) {
        affiliates(owner, "n", bare, affiliation);
        set(reader, "s1", subscribe(bare));
        error(reader, "s1", "auth", "forbidden");
    }
}

TEST_CASE_METHOD(Stage, "subscriber-subscribe-error-toomany", "[xep-0060][6.1]") {
    auto few = settings();
    few.subscriptions_per_account_max = 1;
    restart(few);
    creates(owner, "n");
    subscribes(owner, "n", owner_bare);
    set(owner, "s1", subscribe(owner));
    error(owner, "s1", "wait", "policy-violation", "too-many-subscriptions");
    few.subscriptions_per_account_max = 9;
    few.subscriptions_per_node_max = 1;
    restart(few);
    set(owner, "s2", subscribe(owner));
    error(owner, "s2", "wait", "policy-violation", "too-many-subscriptions");
}

TEST_CASE_METHOD(
    Stage, "subscriber-subscribe-error-toomany: two at once, one place", "[design][6.1]"
) {
    auto few = settings();
    few.subscriptions_per_node_max = 1;
    restart(few);
    creates(owner, "n");
    affiliates(owner, "n", bare, "member");
    hold();
    set(owner, "s1", subscribe(owner_bare));
    set(reader, "s2", subscribe(bare));
    run();
    result(owner, "s1", state(owner_bare, "subscribed"));
    error(reader, "s2", "wait", "policy-violation", "too-many-subscriptions");
    CHECK(engine().subscription_count() == 1);
}

TEST_CASE_METHOD(Stage, "subscriber-subscribe-error-unsupported", "[xep-0060][6.1]") {
    creates(owner, "n", "subscribe=0");
    set(owner, "s1", subscribe(owner_bare));
    error(owner, "s1", "cancel", "feature-not-implemented", "unsupported subscribe");
}

TEST_CASE_METHOD(Stage, "subscriber-subscribe-error-redirect", "[xep-0060][6.1]") {
    creates(owner, "n");
    owner_set(
        owner, "d1",
        "<delete node='n'><redirect uri='xmpp:pubsub.b.example?;node=n'/>"
        "</delete>"
    );
    result(owner, "d1");
    restart();   // remembered
    set(reader, "s1", subscribe(bare));
    receives(reader, R"(<iq type='error' id='s1'><error type='modify'>
        <gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>xmpp:pubsub.b.example?;node=n</gone>
        </error></iq>)");
    creates(owner, "n");   // the name can be taken again
    subscribes(owner, "n", owner_bare);
}

TEST_CASE_METHOD(Stage, "subscriber-subscribe-error-node", "[xep-0060][6.1]") {
    set(reader, "s1", subscribe(bare, "nowhere"));
    error(reader, "s1", "cancel", "item-not-found");
}

TEST_CASE_METHOD(Stage, "subscriber-subscribe: configuration-required", "[xep-0060][6.1]") {
    auto leased = settings();
    leased.is_lease_required = true;
    restart(leased);
    creates(owner, "n");
    set(owner, "s1", subscribe(owner_bare));
    error(owner, "s1", "modify", "not-acceptable", "configuration-required");
    CHECK(engine().subscription_count() == 0);
    set(owner, "s2",
        subscribe(owner_bare) + "<options>" + options_form("expire=presence") + "</options>");
    CHECK(next(owner).attr_or("type", "") == "result");
    set(owner, "s3",
        "<options node='n' jid='" + owner_bare + "'>" + options_form("expire=") + "</options>");
    error(owner, "s3", "modify", "bad-request", "invalid-options");
}

TEST_CASE_METHOD(Stage, "subscriber-subscribe: owners subscribe others too", "[xep-0060][6.1]") {
    creates(owner, "n", "access_model=authorize");
    set(owner, "s1", subscribe(bare));   // needs no approval: the node is theirs
    result(owner, "s1", state(bare, "subscribed"));
    event(bare, "<subscription node='n' jid='" + bare + "' subscription='subscribed'/>");
    // The policy's right is that of the subscriber.
    policy.receives = [](std::string_view subscriber, std::string_view) {
        return subscriber != "rosencrantz@grid.example";
    };
    set(owner, "s2", subscribe("rosencrantz@grid.example"));
    error(owner, "s2", "auth", "forbidden");
    set(owner, "u1", unsubscribe(bare));
    result(owner, "u1");
    CHECK(engine().subscription_count() == 0);
}

TEST_CASE_METHOD(
    Stage, "two sessions of one account subscribe at once: one subscription", "[design][6.1]"
) {
    creates(owner, "n");
    hold();
    set(owner, "s1", subscribe(owner_bare));
    set("hamlet@grid.example/other", "s2", subscribe(owner_bare));
    run();
    result(owner, "s1", state(owner_bare, "subscribed"));
    result("hamlet@grid.example/other", "s2", state(owner_bare, "subscribed"));
    CHECK(engine().subscription_count() == 1);
}

TEST_CASE_METHOD(Stage, "notify_sub tells the owners", "[xep-0060]") {
    creates(owner, "n", "notify_sub=1");
    affiliates(owner, "n", bare, "member");
    subscribes(reader, "n", bare);
    event(owner_bare, "<subscription node='n' jid='" + bare + "' subscription='subscribed'/>");
    set(reader, "u1", unsubscribe(bare));
    event(owner_bare, "<subscription node='n' jid='" + bare + "' subscription='none'/>");
}

TEST_CASE_METHOD(Stage, "subscriber-unsubscribe-success", "[xep-0060][6.2]") {
    creates(owner, "n");
    subscribes(owner, "n", owner_bare);
    const std::string id = subid(owner, "n", owner_bare);
    set(owner, "u1", unsubscribe(owner_bare, " subid='" + id + "'"));
    result(owner, "u1");
    event(owner_bare, "<subscription node='n' jid='" + owner_bare + "' subscription='none'/>");
    publishes(owner, "n", "a");
    receives_nothing(owner_bare);
    CHECK(engine().subscription_count() == 0);
}

TEST_CASE_METHOD(
    Stage, "subscriber-unsubscribe: no event after the result of leaving", "[design][6.2]"
) {
    creates(owner, "n", "type=urn:x:alert");
    affiliates(owner, "n", bare, "member");
    subscribes(reader, "n", reader);
    hold();
    set(reader, "u1", unsubscribe(reader));
    set(owner, "p1", "<publish node='n'><item><alert xmlns='urn:x:alert'/></item></publish>");
    run();
    event(reader, "<subscription node='n' jid='" + reader + "' subscription='none'/>");
    CHECK(next(reader).name() == "iq");
    receives_nothing(reader);
}

TEST_CASE_METHOD(Stage, "subscriber-unsubscribe-error-nosub", "[xep-0060][6.2]") {
    creates(owner, "n");
    set(owner, "u1", unsubscribe(owner_bare));
    error(owner, "u1", "cancel", "unexpected-request", "not-subscribed");
}

TEST_CASE_METHOD(Stage, "subscriber-unsubscribe-error-forbidden", "[xep-0060][6.2]") {
    creates(owner, "n");
    subscribes(owner, "n", owner_bare);
    set(reader, "u1", unsubscribe(owner_bare));
    error(reader, "u1", "auth", "forbidden");
    policy.administrators.insert(bare);
    set(reader, "u2", unsubscribe(owner_bare));
    result(reader, "u2");
    event(owner_bare, "<subscription node='n' jid='" + owner_bare + "' subscription='none'/>");
}

TEST_CASE_METHOD(Stage, "subscriber-unsubscribe-error-node", "[xep-0060][6.2]") {
    set(reader, "u1", unsubscribe(bare));
    error(reader, "u1", "cancel", "item-not-found");
    set(reader, "u2", "<unsubscribe jid='" + bare + "'/>");
    error(reader, "u2", "modify", "bad-request", "nodeid-required");
}

TEST_CASE_METHOD(Stage, "subscriber-unsubscribe-error-badsubid", "[xep-0060][6.2]") {
    creates(owner, "n");
    subscribes(owner, "n", owner_bare);
    set(owner, "u1", unsubscribe(owner_bare, " subid='wrong'"));
    error(owner, "u1", "modify", "not-acceptable", "invalid-subid");
    CHECK(engine().subscription_count() == 1);
}

TEST_CASE_METHOD(Stage, "subscriber-unsubscribe-error-nosubid", "[xep-0060][6.2]") {
    creates(owner, "n");
    subscribes(owner, "n", owner_bare);
    set(owner, "s2", subscribe(owner_bare) + "<options>" + options_form("digest=1") + "</options>");
    const auto answer = next(owner);
    const std::string second(answer.first_child()->first_child()->attr_or("subid", ""));
    forget();
    set(owner, "u1", unsubscribe(owner_bare));
    error(owner, "u1", "modify", "bad-request", "subid-required");
    publishes(owner, "n", "a");   // still one event for one JID
    CHECK(next(owner_bare).first_child()->name() == "event");
    receives_nothing(owner_bare);
    set(owner, "u2", unsubscribe(owner_bare, " subid='" + second + "'"));
    result(owner, "u2");
    CHECK(engine().subscription_count() == 1);
}

}   // namespace xep0060_subscribe_test
