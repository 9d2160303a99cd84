// tests/stories/hostile_accounts_test.cpp: clients that try to be more than a person made of them
// (S37, S39, S82).
#include <catch2/catch.hpp>

#include "commands_stage.hpp"
#include "controller/state.hpp"

namespace hostile_accounts_test {

using namespace grid;
using namespace grid::controller;
using namespace grid::test;

namespace {

const Account* account(GridStage& stage, const char* jid = "probe@grid.example") {
    return stage.controller().state_for_admin().accounts.find(jid);
}

std::string in_band(const std::string& inside) {
    return "<iq xmlns='jabber:client' id='r' type='set' to='controller.grid.example'>"
           "<query xmlns='jabber:iq:register'>" +
           inside + "</query></iq>";
}

std::string says_device(const std::string& device) {
    return in_band(submit(field("x-grid#deviceType", {device})));
}

GridStage with_auto_approval() {
    auto settings = GridStage::default_settings();
    settings.auto_approve = true;
    return GridStage(settings);
}

void set_groups(GridStage& stage, const std::string& groups) {
    const auto path = "/accounts/probe@grid.example/groups";
    REQUIRE(
        stage.rest("root@grid.example", "PUT", path, R"({"groups":)" + groups + "}").first == 200
    );
}

}   // namespace

TEST_CASE("S39: nobody sheds the groups that a person gave it by unregistering and coming back") {
    GridStage stage = with_auto_approval();
    stage.administrator("root@grid.example");
    REQUIRE(stage.connects(probe));
    REQUIRE(account(stage)->groups == Groups{"everyone"});
    set_groups(stage, R"(["quarantine"])");
    const Answer refused(stage.sends(probe, in_band("<remove/>")));
    CHECK(refused.error() == "cancel not-allowed");
    REQUIRE(account(stage) != nullptr);
    CHECK(account(stage)->groups == Groups{"quarantine"});
    // A pin is such a decision, too.
    set_groups(stage, R"(["everyone"])");
    CHECK(Answer(stage.sends(probe, in_band("<remove/>"))).error() == "cancel not-allowed");
}

TEST_CASE("S39: an account that waits in groups which a person chose stays, too") {
    auto settings = GridStage::default_settings();
    settings.approve = {*parse_approval_rule("group=S-* -> *")};
    GridStage stage(settings);
    stage.administrator("root@grid.example");
    auto shown = GridStage::identity("probe@grid.example");
    shown.approvals = 1;
    REQUIRE(stage.connects_as(probe, shown));
    stage.sends(probe, in_band(""));
    REQUIRE(account(stage)->state == AccountState::Pending);
    set_groups(stage, R"(["quarantine"])");
    CHECK(Answer(stage.sends(probe, in_band("<remove/>"))).error() == "cancel not-allowed");
}

TEST_CASE("S37: who came in by itself leaves by itself, and so does who would have to wait again") {
    GridStage by_itself = with_auto_approval();
    REQUIRE(by_itself.connects(probe));
    CHECK(by_itself.sends(probe, in_band("<remove/>")).attr_or("type", "") == "result");
    CHECK(account(by_itself) == nullptr);
    GridStage stage;
    stage.member(probe, R"(["makers"])");
    CHECK(stage.sends(probe, in_band("<remove/>")).attr_or("type", "") == "result");
    CHECK(account(stage) == nullptr);
    stage.sends(probe, in_band(""));
    CHECK(account(stage)->state == AccountState::Pending);
}

TEST_CASE("S37: once a person has decided about an account, it says nothing more of itself") {
    GridStage stage = with_auto_approval();
    stage.administrator("root@grid.example");
    REQUIRE(stage.connects(probe));
    set_groups(stage, R"(["desks"])");
    stage.sends(probe, says_device("firewall"));
    CHECK(account(stage)->device_type.empty());
    // The same where the person changed what it is, and not its groups.
    REQUIRE(stage.connects("other@grid.example/x"));
    REQUIRE(
        stage
            .rest(
                "root@grid.example", "PATCH", "/accounts/other@grid.example",
                R"({"description":"the lobby's printer"})"
            )
            .first == 200
    );
    stage.sends("other@grid.example/x", says_device("firewall"));
    CHECK(account(stage, "other@grid.example")->device_type.empty());
}

TEST_CASE("S82: the default groups make no administrators, by no mouth") {
    Commands stage;
    const Answer answer = stage.fill(
        root, own("settings"),
        field("x-grid#auto-approve", {"1"}) + field("x-grid#default-group", {"administrators"})
    );
    CHECK(answer.error() == "modify bad-request malformed-request");
    const auto put = [&](const std::string& body) {
        return stage.rest("root@grid.example", "PUT", "/settings", body).first;
    };
    CHECK(put(R"({"auto_approve":true,"default_groups":["everyone","administrators"]})") == 400);
    CHECK(put(R"({"auto_approve":true,"default_groups":["everyone"]})") == 200);
    REQUIRE(stage.connects("stranger@grid.example/x"));
    CHECK(account(stage, "stranger@grid.example")->groups == Groups{"everyone"});
}

TEST_CASE("S82: however many members fill in commands, an administrator still can") {
    Dialogs dialogs;
    const auto open = [&](int n, std::size_t most) {
        const auto owner = xml::Jid::from_canonical("m" + std::to_string(n) + "@grid.example/x");
        return dialogs.open("id" + std::to_string(n), owner, "c", 1000, most) != nullptr;
    };
    int opened = 0;
    while (opened < 1000 && open(opened, Dialogs::members_dialogs_max)) ++opened;
    CHECK(opened == 400);
    CHECK(open(2000, Dialogs::dialogs_max));
}

TEST_CASE("S83: nor does anything else than what is for everybody work without a login", "[grid]") {
    auto settings = GridStage::default_settings();
    settings.implicit_login = false;
    GridStage stage(settings);
    stage.policy("allow any any any");
    stage.member(probe, "[]");
    const auto to = [](const std::string& where, const std::string& type, const std::string& what) {
        return "<iq xmlns='jabber:client' id='n' type='" + type + "' to='" + where +
               ".grid.example'>" + what + "</iq>";
    };
    const std::string pubsub = "<pubsub xmlns='http://jabber.org/protocol/pubsub'>";
    const auto publish =
        pubsub + "<publish node='t'><item><e xmlns='x'/></item></publish></pubsub>";
    const std::string execute = "<command xmlns='http://jabber.org/protocol/commands' node='";
    const std::vector<std::string> requests{
        to("pubsub", "set", pubsub + "<create node='t'/></pubsub>"),
        to("pubsub", "get", pubsub + "<subscriptions/></pubsub>"),
        to("controller", "set", publish),
        to("controller", "set", execute + "com.domain.gi.gcl.controller#is-authorized'/>"),
        to("controller", "get", "<query xmlns='http://jabber.org/protocol/disco#items' node='t'/>"),
    };
    for (const auto& request : requests) {
        INFO(request);
        const auto answer = stage.sends(probe, request);
        const auto* refused = answer.child("error");
        REQUIRE(refused != nullptr);
        CHECK(refused->attr_or("type", "") == "wait");
        CHECK(refused->first_child()->name() == "unexpected-request");
    }
    const auto is_open = [&](const std::string& request) {
        return stage.sends(probe, request).attr_or("type", "") == "result";
    };
    CHECK(is_open(to("controller", "get", "<query xmlns='http://jabber.org/protocol/disco#info'/>"))
    );
    CHECK(is_open(to("controller", "get", "<query xmlns='jabber:iq:register'/>")));
    CHECK(is_open(to("controller", "set", execute + "com.domain.gi.gcl.controller#my-account'/>")));
    CHECK(is_open(
        to("controller", "set",
           "<grid xmlns='gi' type='request'><AccountQuery "
           "xmlns='com.domain.gi.gcl.controller'><login/></AccountQuery></grid>")
    ));
    for (const auto& request : requests) {
        INFO(request);
        CHECK(is_open(request));
    }
}

}   // namespace hostile_accounts_test
