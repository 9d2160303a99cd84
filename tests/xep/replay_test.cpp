// tests/xep/replay_test.cpp: items that were published while a subscriber was away come at its
// login.
#include "stage.hpp"

namespace grid::test::replay_test {

namespace {

const std::string owner = "owner@grid.example/o", reader = "reader@grid.example/r",
                  account = "reader@grid.example";

std::string late(const std::string& node, const std::string& id) {
    return "<message from='" + std::string(Stage::service) +
           "'><event xmlns='http://jabber.org/protocol/pubsub#event'><items node='" + node +
           "'><item id='" + id +
           "'>...</item></items></event><delay xmlns='urn:xmpp:delay' from='" + Stage::service +
           "'/></message>";
}

/// With a node that the reader may subscribe to.
class ReplayStage : public Stage {
protected:
    void opens(const std::string& node) {
        creates(owner, node);
        affiliates(owner, node, account, "member");
    }
};

}   // namespace

TEST_CASE_METHOD(ReplayStage, "items after the subscription are owed, those before it are not") {
    opens("n");
    publishes(owner, "n", "before");
    subscribes(reader, "n", account);
    publishes(owner, "n", "one");
    publishes(owner, "n", "two");
    forget();
    replays(reader);
    receives(account, late("n", "one"));
    receives(account, late("n", "two"));
    receives_nothing(account);
}

TEST_CASE_METHOD(ReplayStage, "what is owed of several nodes comes in the order of commit") {
    opens("a");
    opens("b");
    subscribes(reader, "a", account);
    subscribes(reader, "b", account);
    publishes(owner, "b", "one");
    publishes(owner, "a", "two");
    publishes(owner, "b", "three");
    forget();
    replays(reader);
    receives(account, late("b", "one"));
    receives(account, late("a", "two"));
    receives(account, late("b", "three"));
}

TEST_CASE_METHOD(
    ReplayStage, "nothing before the position is owed, whatever the subscription says"
) {
    opens("n");
    subscribes(reader, "n", account);
    publishes(owner, "n", "one");
    const auto told = store().status().revision;
    publishes(owner, "n", "two");
    forget();
    for (auto& batch : engine().note_positions({{account, told}, {"nobody@grid.example", told}}))
        submit(std::move(batch));
    CHECK(engine().position(account) == told);
    CHECK(engine().position("nobody@grid.example") == 0);   // an account without any subscription
    restart();
    CHECK(engine().position(account) == told);
    replays(reader, {engine().position(account), 0});
    receives(account, late("n", "two"));
    receives_nothing(account);
}

TEST_CASE_METHOD(ReplayStage, "positions never go back, and go with the last subscription") {
    opens("n");
    subscribes(reader, "n", account);
    publishes(owner, "n", "one");
    const auto told = store().status().revision;
    for (auto& batch : engine().note_positions({{account, told}})) submit(std::move(batch));
    CHECK(engine().note_positions({{account, told - 1}}).empty());
    set(reader, "u", "<unsubscribe node='n' jid='" + account + "'/>");
    work_off();
    CHECK(engine().position(account) == 0);
    restart();
    CHECK(engine().position(account) == 0);
}

TEST_CASE_METHOD(ReplayStage, "an item that was retracted or replaced meanwhile is not told of") {
    opens("n");
    subscribes(reader, "n", account);
    publishes(owner, "n", "one");
    publishes(owner, "n", "two");
    const auto owed = engine().owed(*xml::Jid::parse(reader), {}, {}, 10, 1000);
    REQUIRE(owed.items.size() == 2);
    CHECK(owed.is_all);
    set(owner, "r", "<retract node='n'><item id='one'/></retract>");
    publishes(owner, "n", "two");
    const auto to = *xml::Jid::parse(account);
    CHECK_FALSE(engine().owed_message(owed.items[0], to, "<x/>"));
    CHECK_FALSE(engine().owed_message(owed.items[1], to, "<x/>"));
}

TEST_CASE_METHOD(ReplayStage, "who may not receive any more is owed nothing") {
    opens("n");
    subscribes(reader, "n", account);
    publishes(owner, "n", "one");
    const auto jid = *xml::Jid::parse(reader);
    REQUIRE(engine().owed(jid, {}, {}, 10, 1000).items.size() == 1);
    policy.receives = [](std::string_view, std::string_view) { return false; };
    CHECK(engine().owed(jid, {}, {}, 10, 1000).items.empty());
}

TEST_CASE_METHOD(ReplayStage, "what is owed comes in parts, at least one item each") {
    opens("n");
    subscribes(reader, "n", account);
    for (const char* id : {"one", "two", "three"}) publishes(owner, "n", id);
    const auto jid = *xml::Jid::parse(reader);
    const auto few = engine().owed(jid, {}, {}, 2, 1000);
    CHECK(few.items.size() == 2);
    CHECK_FALSE(few.is_all);
    CHECK(engine().owed(jid, {}, {}, 10, 1).items.size() == 1);
    const auto rest = engine().owed(jid, {few.items.back().revision, 0}, {}, 10, 1000);
    REQUIRE(rest.items.size() == 1);
    CHECK(rest.items[0].id == "three");
    CHECK(rest.items[0].is_for_bare);
    CHECK_FALSE(rest.items[0].is_for_full);
}

}   // namespace grid::test::replay_test
