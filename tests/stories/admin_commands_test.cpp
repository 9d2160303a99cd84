// tests/stories/admin_commands_test.cpp: the commands of administrators, and those for every
// client.
#include "commands_stage.hpp"

namespace admin_commands_test {

using namespace grid::test;
namespace xml = grid::xml;

TEST_CASE_METHOD(Commands, "S38: account-approve and account-decline, several at once or none") {
    waits("one@grid.example/1");
    waits("two@grid.example/2");
    waits("bad@grid.example/3");
    const Answer asked = run(root, command(own("account-approve")));
    CHECK(asked.form.field("accountjids")->options.size() == 3);
    CHECK(
        fill(
            root, own("account-approve"),
            field("accountjids", {"one@grid.example", "nobody@grid.example"})
        )
            .error() == "cancel item-not-found"
    );
    CHECK(state_of("one@grid.example") == "pending");
    const Answer done = fill(
        root, own("account-approve"),
        field("accountjids", {"one@grid.example", "two@grid.example", "one@grid.example"}) +
            field("x-grid#group", {"makers"})
    );
    CHECK(done.status == "completed");
    CHECK(state_of("one@grid.example") == "enabled");
    CHECK(state_of("two@grid.example") == "enabled");
    // Both accounts are notified.
    CHECK(control.sent.size() == 2);
    CHECK(
        fill(root, own("account-decline"), field("accountjids", {"bad@grid.example"})).status ==
        "completed"
    );
    CHECK(state_of("bad@grid.example") == "disabled");
    CHECK(
        fill(root, own("account-decline"), field("accountjids", {"one@grid.example"})).error() ==
        "wait unexpected-request"
    );
    const auto found = rest("root@grid.example", "GET", "/audit", "", "operation=account-approve");
    CHECK(found.second.find(R"("target":"one@grid.example")") != std::string::npos);
    CHECK(found.second.find(R"("target":"two@grid.example")") != std::string::npos);
    CHECK(
        rest("root@grid.example", "GET", "/audit/verify").second.find(R"("ok":true)") !=
        std::string::npos
    );
}

TEST_CASE_METHOD(Commands, "S73: accounts-list shows who is who, filtered and in pages") {
    waits("one@grid.example/1");
    const Answer all = fill(root, own("accounts-list"), "");
    REQUIRE(all.items.size() == 3);
    CHECK(all.items[1].at("accountjid") == "probe@grid.example");
    CHECK(all.items[1].at("x-grid#state") == "enabled");
    CHECK(all.items[1].at("x-grid#group") == "makers");
    CHECK(all.items[1].at("x-grid#issuer") == "CN=ca");
    CHECK(all.items[1].at("x-grid#address") == "192.0.2.1");
    const Answer pending = fill(root, own("accounts-list"), field("x-grid#state", {"pending"}));
    REQUIRE(pending.items.size() == 1);
    CHECK(pending.items[0].at("accountjid") == "one@grid.example");
    CHECK(
        fill(root, own("accounts-list"), field("x-grid#state", {"cheese"})).error() ==
        "modify bad-request bad-payload"
    );
    std::string after;
    for (const char* expected : {"one@grid.example", "probe@grid.example", "root@grid.example"}) {
        const Answer page =
            run(root, command(
                          own("accounts-list"),
                          "<set xmlns='http://jabber.org/protocol/rsm'><max>1</max>" +
                              (after.empty() ? "" : "<after>" + after + "</after>") + "</set>"
                      ));
        REQUIRE(page.items.size() == 1);
        CHECK(page.items[0].at("accountjid") == expected);
        CHECK(page.count == "3");
        after = page.last;
    }
}

TEST_CASE_METHOD(Commands, "S82: topics are listed, disabled, enabled and deleted by command") {
    make_topic("alerts");
    const Answer list = run(root, command(own("topics-list")));
    REQUIRE(list.items.size() == 1);
    CHECK(list.items[0].at("pubsub#node") == "alerts");
    CHECK(list.items[0].at("x-grid#enabled") == "1");
    CHECK(publish("alerts").empty());
    CHECK(fill(root, own("topic-disable"), field("pubsub#node", {"alerts"})).status == "completed");
    CHECK(publish("alerts") == "cancel not-allowed");
    CHECK(run(root, command(own("topics-list"))).items[0].at("x-grid#enabled") == "0");
    CHECK(fill(root, own("topic-enable"), field("pubsub#node", {"alerts"})).status == "completed");
    CHECK(publish("alerts").empty());
    for (const char* name : {"topic-disable", "topic-enable", "topic-delete"}) {
        CHECK(
            fill(root, own(name), field("pubsub#node", {"nothing"})).error() ==
            "cancel item-not-found"
        );
        CHECK(fill(root, own(name), "").error() == "modify bad-request bad-payload");
    }
    CHECK(fill(root, own("topic-delete"), field("pubsub#node", {"alerts"})).status == "completed");
    CHECK(publish("alerts") == "cancel item-not-found");
    CHECK(
        rest("root@grid.example", "GET", "/audit", "", "operation=topic-delete")
            .second.find(R"("actor":"root@grid.example/console")") != std::string::npos
    );
}

TEST_CASE_METHOD(Commands, "S74: policy-get, policy-set and policy-test") {
    CHECK(run(root, command(own("policy-get"))).value("x-grid#policy") == "allow any any any");
    const Answer asked = run(root, command(own("policy-set")));
    CHECK(asked.value("x-grid#expect-version") == "1");
    const std::string rules =
        field("x-grid#policy", {"allow group makers publish alerts", "deny any any any"});
    const Answer shown =
        run(root, command(own("policy-set"), submit(rules), asked.session, "next"));
    CHECK(shown.status == "executing");
    CHECK(run(root, command(own("policy-get"))).value("x-grid#version") == "1");
    const Answer done =
        run(root, command(own("policy-set"), submit(""), asked.session, "complete"));
    CHECK(done.status == "completed");
    CHECK(done.value("x-grid#version") == "2");
    CHECK(done.value("x-grid#rules") == "2");
    // Made for version 1, which is not in force any more.
    CHECK(
        fill(root, own("policy-set"), rules + field("x-grid#expect-version", {"1"})).error() ==
        "cancel conflict"
    );
    CHECK(
        fill(root, own("policy-set"), field("x-grid#policy", {"cheese"})).error() ==
        "modify not-acceptable"
    );
    CHECK(fill(root, own("policy-set"), "").error() == "modify bad-request bad-payload");
    const auto test = [&](const std::string& topic, const std::string& operation) {
        return fill(
            root, own("policy-test"),
            field("x-grid#identity", {"probe"}) + field("x-grid#topic", {topic}) +
                field("x-grid#operation", {operation})
        );
    };
    CHECK(test("alerts", "publish").value("x-grid#allowed") == "1");
    CHECK(test("alerts", "publish").value("x-grid#line") == "1");
    CHECK(test("other", "publish").value("x-grid#allowed") == "0");
    CHECK(test("other", "publish").value("x-grid#line") == "2");
    CHECK(test("alerts", "cheese").error() == "modify bad-request bad-payload");
    // A message is to somebody, in a topic's place.
    CHECK(test("alerts", "message").error() == "modify bad-request bad-payload");
    REQUIRE(
        fill(
            root, own("policy-set"),
            field("x-grid#policy", {"allow client probe message client desk-*", "deny any any any"})
        )
            .status == "completed"
    );
    const auto message = [&](const std::string& to) {
        return fill(
            root, own("policy-test"),
            field("x-grid#identity", {"probe"}) + field("x-grid#recipient", {to}) +
                field("x-grid#operation", {"message"})
        );
    };
    CHECK(message("desk-1").value("x-grid#line") == "1");
    CHECK(message("desk-1").value("x-grid#allowed") == "1");
    CHECK(message("soc").value("x-grid#allowed") == "0");
}

TEST_CASE_METHOD(Commands, "S36: settings switch auto-approval on and off, also after a restart") {
    CHECK(run(root, command(own("settings"))).value("x-grid#auto-approve") == "0");
    CHECK(
        fill(
            root, own("settings"),
            field("x-grid#auto-approve", {"1"}) + field("x-grid#default-group", {"newcomers"})
        )
            .status == "completed"
    );
    REQUIRE(connects("auto@grid.example/a"));
    CHECK(state_of("auto@grid.example") == "enabled");
    CHECK(run(root, command(own("settings"))).value("x-grid#default-group") == "newcomers");
    grid::test::Node restarted(settings, sessions);
    store.scan([&](const grid::storage::KeyChange& change) { restarted.apply(change); });
    CHECK(restarted.controller->settings().auto_approve);
    CHECK(fill(root, own("settings"), field("x-grid#auto-approve", {"0"})).status == "completed");
    REQUIRE(connects("manual@grid.example/a"));
    CHECK(state_of("manual@grid.example") == "init");
    CHECK(
        fill(root, own("settings"), field("x-grid#auto-approve", {"maybe"})).error() ==
        "modify bad-request bad-payload"
    );
    CHECK(
        fill(root, own("settings"), field("x-grid#default-group", {std::string(200, 'g')}))
            .error() == "modify bad-request bad-payload"
    );
}

TEST_CASE_METHOD(Commands, "S82: stats count accounts, sessions, topics and subscriptions") {
    make_topic("alerts");
    const Answer stats = run(root, command(own("stats")));
    CHECK(stats.status == "completed");
    CHECK(stats.value("x-grid#accounts-enabled") == "2");
    CHECK(stats.value("x-grid#accounts-pending") == "0");
    CHECK(stats.value("x-grid#sessions") == "2");
    CHECK(stats.value("x-grid#topics") == "1");
    CHECK(stats.value("x-grid#policy-version") == "1");
}

TEST_CASE_METHOD(Commands, "S41: my-account tells everybody his own state, waiting or not") {
    waits("one@grid.example/1");
    REQUIRE(connects("new@grid.example/n"));
    CHECK(run("one@grid.example/1", command(own("my-account"))).value("x-grid#state") == "pending");
    CHECK(run("new@grid.example/n", command(own("my-account"))).value("x-grid#state") == "init");
    const Answer mine = run(probe, command(own("my-account")));
    CHECK(mine.status == "completed");
    CHECK(mine.value("x-grid#state") == "enabled");
    CHECK(mine.value("x-grid#group") == "makers");
    CHECK(mine.value("x-grid#username") == "probe");
    // S43: no other command, before the account is enabled.
    CHECK(
        run("one@grid.example/1", command(own("is-authorized"))).error() ==
        "auth registration-required account-pending"
    );
    CHECK(
        run("new@grid.example/n", command(own("stats"))).error() ==
        "auth registration-required account-unregistered"
    );
}

TEST_CASE_METHOD(Commands, "S49: is-authorized by command says what the Grid operation says") {
    make_topic("Session-1.0");
    member("asker@grid.example/x", "[]");
    const auto ask = [&](const std::string& who, const std::string& identity) {
        return fill(
            who, own("is-authorized"),
            field("identity", {identity}) + field("service", {"Session-1.0"}) +
                field("operation", {"query"})
        );
    };
    CHECK(ask(probe, "asker@grid.example").value("x-grid#authorized") == "1");
    CHECK(ask(probe, "asker@grid.example").value("x-grid#grant") == "read/write");
    CHECK(ask(probe, "nobody@grid.example").value("x-grid#authorized") == "0");
    CHECK(ask("asker@grid.example/x", "probe@grid.example").error() == "auth forbidden denied");
    CHECK(fill(probe, own("is-authorized"), "").error() == "modify bad-request malformed-request");
}

}   // namespace admin_commands_test
