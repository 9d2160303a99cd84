// tests/xep/xep0060_owner_lists_test.cpp: owners manage subscriptions and affiliations (XEP-0060
// §8.8, §8.9).
#include "stage.hpp"

namespace xep0060_owner_lists_test {

using grid::test::pubsub_ns;
using grid::test::Stage;

namespace {
const std::string owner = "hamlet@grid.example/elsinore", owner_bare = "hamlet@grid.example";
const std::string other = "bard@grid.example/x", other_bare = "bard@grid.example";

std::string in(const std::string& list, const std::string& lines) {
    return "<pubsub xmlns='" + pubsub_ns + "#owner'><" + list + " node='n'>" + lines + "</" + list +
           "></pubsub>";
}
std::string affiliation(const std::string& jid, const std::string& value) {
    return "<affiliation jid='" + jid + "' affiliation='" + value + "'/>";
}
std::string affiliations(const std::string& lines) {
    return "<affiliations node='n'>" + lines + "</affiliations>";
}
std::string subscription(const std::string& jid, const std::string& value) {
    return "<subscription jid='" + jid + "' subscription='" + value + "'/>";
}
std::string subscriptions(const std::string& lines) {
    return "<subscriptions node='n'>" + lines + "</subscriptions>";
}
const std::string not_acceptable =
    "<error type='modify'><not-acceptable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>";

void partly(Stage& stage, const std::string& id, const std::string& payload) {
    stage.receives(owner, "<iq type='error' id='" + id + "'>" + payload + not_acceptable + "</iq>");
}
}   // namespace

TEST_CASE_METHOD(Stage, "owner-affiliations-retrieve-success", "[xep-0060][8.9]") {
    creates(owner, "n");
    affiliates(owner, "n", other_bare, "outcast");
    owner_get(owner, "g1", affiliations(""));
    result(
        owner, "g1",
        in("affiliations", affiliation(other_bare, "outcast") + affiliation(owner_bare, "owner"))
    );
}

TEST_CASE_METHOD(Stage, "owner-affiliations-retrieve-forbidden", "[xep-0060][8.9]") {
    creates(owner, "n");
    owner_get(other, "g1", affiliations(""));
    error(other, "g1", "auth", "forbidden");
    owner_set(other, "g2", affiliations(affiliation(other_bare, "owner")));
    error(other, "g2", "auth", "forbidden");
}

TEST_CASE_METHOD(Stage, "owner-affiliations-retrieve-node", "[xep-0060][8.9]") {
    owner_get(owner, "g1", affiliations(""));
    error(owner, "g1", "cancel", "item-not-found");
    owner_get(owner, "g2", "<affiliations/>");
    error(owner, "g2", "modify", "bad-request", "nodeid-required");
}

TEST_CASE_METHOD(Stage, "owner-affiliations-modify-success", "[xep-0060][8.9]") {
    creates(owner, "n");
    owner_set(
        owner, "m1",
        affiliations(
            affiliation(other_bare + "/res", "publisher") +
            affiliation("third@grid.example", "member")
        )
    );
    result(owner, "m1");   // a full JID means its account
    publishes(other, "n", "a");
    owner_set(owner, "m2", affiliations(affiliation(other_bare, "none")));   // deletes
    result(owner, "m2");
    restart();
    owner_get(owner, "g1", affiliations(""));
    result(
        owner, "g1",
        in("affiliations",
           affiliation(owner_bare, "owner") + affiliation("third@grid.example", "member"))
    );
}

TEST_CASE_METHOD(Stage, "owner-affiliations-multi: the last owner stays", "[xep-0060][8.9]") {
    creates(owner, "n");
    owner_set(
        owner, "m1",
        affiliations(affiliation(owner_bare, "none") + affiliation(other_bare, "publisher"))
    );
    partly(*this, "m1", in("affiliations", affiliation(owner_bare, "owner")));
    publishes(other, "n", "a");   // entries that were not returned were changed
    owner_set(
        owner, "m2",
        affiliations(affiliation(owner_bare, "member") + affiliation(other_bare, "owner"))
    );   // handed over
    result(owner, "m2");
    owner_get(owner, "g1", affiliations(""));
    error(owner, "g1", "auth", "forbidden");
}

TEST_CASE_METHOD(Stage, "owner-affiliations-multi: entries that make no sense", "[xep-0060][8.9]") {
    creates(owner, "n");
    owner_set(
        owner, "m1", affiliations(affiliation(other_bare, "king") + affiliation("@@", "member"))
    );
    partly(
        *this, "m1", in("affiliations", affiliation(other_bare, "none") + affiliation("@@", "none"))
    );
    owner_set(
        owner, "m2",
        affiliations(affiliation(other_bare, "member") + affiliation(other_bare + "/x", "outcast"))
    );
    error(owner, "m2", "modify", "bad-request");   // the same entity twice
}

TEST_CASE_METHOD(Stage, "two owners resign at once: one remains", "[design]") {
    creates(owner, "n");
    affiliates(owner, "n", other_bare, "owner");
    hold();
    owner_set(owner, "m1", affiliations(affiliation(owner_bare, "none")));
    owner_set(other, "m2", affiliations(affiliation(other_bare, "none")));
    run();
    result(owner, "m1");
    receives(
        other, "<iq type='error' id='m2'>" + in("affiliations", affiliation(other_bare, "owner")) +
                   not_acceptable + "</iq>"
    );
    owner_get(other, "g1", affiliations(""));
    result(other, "g1", in("affiliations", affiliation(other_bare, "owner")));
}

TEST_CASE_METHOD(
    Stage, "who is banned loses his subscriptions in the same batch", "[part-f-20][8.8]"
) {
    for (const char* affiliation_now : {"outcast", "none", "publish-only"}) {
        const std::string node = "n";
        creates(owner, node);
        affiliates(owner, node, other_bare, "member");
        subscribes(other, node, other_bare);
        subscribes(other, node, other);
        affiliates(owner, node, other_bare, affiliation_now);
        CHECK(engine().subscription_count() == 0);
        event(other_bare, "<subscription node='n' jid='" + other_bare + "' subscription='none'/>");
        event(other, "<subscription node='n' jid='" + other + "' subscription='none'/>");
        publishes(owner, node, "a");
        receives_nothing(other_bare);
        owner_set(owner, "d1", "<delete node='n'/>");
        result(owner, "d1");
        work_off();
    }
}

TEST_CASE_METHOD(
    Stage, "a ban and a subscription at once: no event gets through", "[design][8.8]"
) {
    creates(owner, "n", "type=urn:x:alert");
    affiliates(owner, "n", other_bare, "member");
    hold();
    set(other, "s1", "<subscribe node='n' jid='" + other_bare + "'/>");
    owner_set(owner, "m1", affiliations(affiliation(other_bare, "none")));
    run();
    forget();
    publishes(owner, "n", "a");
    receives_nothing(other_bare);
    work_off();
    CHECK(engine().subscription_count() == 0);
    CHECK(memory().cleaning().empty());
}

TEST_CASE_METHOD(
    Stage, "more subscriptions than fit in a batch go in the background", "[design][8.8]"
) {
    creates(owner, "n", "type=urn:x:alert");
    affiliates(owner, "n", other_bare, "member");
    for (int i = 0; i < 150; ++i) subscribes(other, "n", other_bare + "/" + std::to_string(i));
    affiliates(owner, "n", other_bare, "outcast");
    CHECK(engine().subscription_count() > 0);
    CHECK(engine().audience(engine().node("n")->uid).empty());   // but not one event more
    restart();
    CHECK(engine().audience(engine().node("n")->uid).empty());
    work_off();
    CHECK(engine().subscription_count() == 0);
    owner_get(owner, "g1", affiliations(""));
    result(
        owner, "g1",
        in("affiliations", affiliation(other_bare, "outcast") + affiliation(owner_bare, "owner"))
    );
}

TEST_CASE_METHOD(Stage, "owner-subscriptions-retrieve-success", "[xep-0060][8.8]") {
    creates(owner, "n", "access_model=authorize");
    subscribes(owner, "n", owner_bare);
    set(other, "s1", "<subscribe node='n' jid='" + other_bare + "'/>");   // pending: not listed
    owner_get(owner, "g1", subscriptions(""));
    const auto iq = next(owner);
    const auto lines = iq.first_child()->child("subscriptions")->children();
    REQUIRE(lines.size() == 1);
    CHECK(lines[0]->attr_or("jid", "") == owner_bare);
    CHECK(lines[0]->attr_or("subscription", "") == "subscribed");
    CHECK(!lines[0]->attr_or("subid", "").empty());
}

TEST_CASE_METHOD(Stage, "owner-subscriptions-retrieve-error-forbidden", "[xep-0060][8.8]") {
    creates(owner, "n");
    owner_get(other, "g1", subscriptions(""));
    error(other, "g1", "auth", "forbidden");
    owner_set(other, "g2", subscriptions(subscription(other_bare, "subscribed")));
    error(other, "g2", "auth", "forbidden");
}

TEST_CASE_METHOD(Stage, "owner-subscriptions-retrieve-error-node", "[xep-0060][8.8]") {
    owner_get(owner, "g1", subscriptions(""));
    error(owner, "g1", "cancel", "item-not-found");
}

TEST_CASE_METHOD(Stage, "owner-subscriptions-modify-success", "[xep-0060][8.8]") {
    creates(owner, "n");
    owner_set(owner, "m1", subscriptions(subscription(other_bare, "subscribed")));
    result(owner, "m1");
    event(
        other_bare, "<subscription node='n' jid='" + other_bare + "' subscription='subscribed'/>"
    );
    publishes(owner, "n", "a");
    event(other_bare, "<items node='n'><item id='a'>...</item></items>");
    get(other, "i1", "<items node='n'/>");   // subscribed, so reads
    CHECK(next(other).attr_or("type", "") == "result");
    owner_set(owner, "m2", subscriptions(subscription(other_bare, "none")));
    result(owner, "m2");
    event(other_bare, "<subscription node='n' jid='" + other_bare + "' subscription='none'/>");
    CHECK(engine().subscription_count() == 0);
}

TEST_CASE_METHOD(Stage, "owner-subscriptions-multi", "[xep-0060][8.8]") {
    creates(owner, "n");
    subscribes(owner, "n", owner_bare);
    affiliates(owner, "n", "out@grid.example", "outcast");
    owner_set(
        owner, "m1",
        subscriptions(
            subscription(owner_bare, "magic") + subscription("out@grid.example", "subscribed") +
            subscription(other_bare, "subscribed")
        )
    );
    partly(
        *this, "m1",
        in("subscriptions",
           subscription(owner_bare, "subscribed") + subscription("out@grid.example", "none"))
    );
    CHECK(engine().subscription_count() == 2);
}

TEST_CASE_METHOD(
    Stage, "owner lists: an entry says what becomes of it, or nothing changes", "[8.8][8.9]"
) {
    creates(owner, "n");
    const std::string good = affiliation("good@grid.example", "member");
    const std::string jid = " jid='" + other_bare + "'";
    for (const std::string& wrong :
         {"<affiliation" + jid + "/>", "<affiliation" + jid + " afiliation='outcast'/>",
          "<affiliation" + jid + " subscription='none'/>",
          "<affiliatoin" + jid + " affiliation='outcast'/>",
          "<subscription" + jid + " affiliation='outcast'/>"}) {
        INFO(wrong);
        owner_set(owner, "m1", affiliations(good + wrong));
        error(owner, "m1", "modify", "bad-request");
    }
    for (const std::string& wrong :
         {"<subscription" + jid + "/>", "<subscription" + jid + " affiliation='none'/>",
          "<subscriber" + jid + " subscription='subscribed'/>"}) {
        INFO(wrong);
        owner_set(
            owner, "m2", subscriptions(subscription("good@grid.example", "subscribed") + wrong)
        );
        error(owner, "m2", "modify", "bad-request");
    }
    owner_get(owner, "g1", affiliations(""));
    result(owner, "g1", in("affiliations", affiliation(owner_bare, "owner")));
    CHECK(engine().subscription_count() == 0);
    owner_set(owner, "m3", affiliations(""));   // no entry, no change
    result(owner, "m3");
}

TEST_CASE_METHOD(
    Stage, "owner-subscriptions: pending ones are approved or turned down", "[xep-0060][8.8]"
) {
    creates(owner, "n", "access_model=authorize");
    set(other, "s1", "<subscribe node='n' jid='" + other_bare + "'/>");
    owner_set(owner, "m1", subscriptions(subscription(other_bare, "subscribed")));
    result(owner, "m1");
    event(
        other_bare, "<subscription node='n' jid='" + other_bare + "' subscription='subscribed'/>"
    );
}

TEST_CASE_METHOD(Stage, "long lists come in pages", "[xep-0059]") {
    auto small = settings();
    small.page_max = 2;
    restart(small);
    creates(owner, "n");
    for (const char* jid : {"a@grid.example", "b@grid.example", "c@grid.example"})
        affiliates(owner, "n", jid, "member");
    owner_get(owner, "g1", affiliations(""));
    result(
        owner, "g1",
        "<pubsub xmlns='" + pubsub_ns + "#owner'><affiliations node='n'>" +
            affiliation("a@grid.example", "member") + affiliation("b@grid.example", "member") +
            "</affiliations><set xmlns='http://jabber.org/protocol/rsm'>"
            "<first index='0'>a@grid.example</first><last>b@grid.example</last>"
            "<count>4</count></set></pubsub>"
    );
}

TEST_CASE_METHOD(
    Stage, "owner-subscriptions-multi: one subscription is not named twice", "[xep-0060][8.8]"
) {
    creates(owner, "n", "access_model=authorize");
    affiliates(owner, "n", other_bare, "member");
    subscribes(other, "n", other_bare);
    const std::string with_subid = "<subscription jid='" + other_bare + "' subid='" +
                                   subid(other, "n", other_bare) + "' subscription='none'/>";
    forget();
    for (const char* state : {"none", "subscribed"})
        for (const bool is_first : {true, false}) {
            const std::string without = subscription(other_bare, state);
            owner_set(
                owner, "m", subscriptions(is_first ? with_subid + without : without + with_subid)
            );
            error(owner, "m", "modify", "bad-request");
        }
    receives_nothing(other_bare);
    CHECK(engine().subscription_count() == 1);
}

TEST_CASE_METHOD(
    Stage, "as many changes as are taken in one request are all done", "[xep-0060][8.8][8.9]"
) {
    creates(owner, "n");
    for (const bool is_affiliation : {true, false}) {
        const int most = is_affiliation ? 50 : 30;
        const auto lines = [&](int count) {
            std::string all;
            for (int i = 0; i < count; ++i) {
                const std::string jid = "u" + std::to_string(i) + "@grid.example";
                all +=
                    is_affiliation ? affiliation(jid, "member") : subscription(jid, "subscribed");
            }
            return is_affiliation ? affiliations(all) : subscriptions(all);
        };
        owner_set(owner, "more", lines(most + 1));
        error(owner, "more", "modify", "not-acceptable");
        owner_set(owner, "most", lines(most));
        result(owner, "most");
    }
    CHECK(engine().subscription_count() == 30);
}

}   // namespace xep0060_owner_lists_test
