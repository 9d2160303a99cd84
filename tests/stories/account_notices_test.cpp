// tests/stories/account_notices_test.cpp: notices about accounts, for accounts and administrators
// that are there or were away.
#include <algorithm>
#include <catch2/catch.hpp>

#include "controller/accounts/notices.hpp"
#include "controller/state.hpp"
#include "grid_stage.hpp"

namespace account_notices_test {

using namespace grid::controller;
using grid::test::GridStage;

namespace {

constexpr const char* root = "root@grid.example";
constexpr const char* probe = "probe@grid.example";

const Notices& notices(GridStage& stage) {
    return stage.controller().state_for_admin().accounts.notices();
}

std::string owed(GridStage& stage, const char* jid) {
    std::string kinds;
    if (const auto* mine = notices(stage).find(jid))
        for (const auto& [kind, notice] : *mine) kinds += (kinds.empty() ? "" : ", ") + kind;
    return kinds;
}

void registers(GridStage& stage, const std::string& full) {
    REQUIRE(stage.connects(full));
    stage.sends(
        full,
        "<iq xmlns='jabber:client' type='set' id='r' to='controller.grid.example'>"
        "<query xmlns='jabber:iq:register'/></iq>"
    );
}

/// As the server does when a session becomes active.
std::vector<grid::test::FakeControl::Sent> logs_in(GridStage& stage, const std::string& full) {
    stage.control.sent.clear();
    stage.controller().logged_in(*grid::xml::Jid::parse(full), 0, stage.control);
    return stage.control.sent;
}

}   // namespace

TEST_CASE("notices: who is connected is told at once, and nothing stays behind") {
    GridStage stage;
    stage.administrator(root);
    stage.sessions.table.begin()->second.is_active = true;
    registers(stage, "probe@grid.example/x");
    CHECK(owed(stage, root) == "pending probe@grid.example");
    CHECK(stage.control.sent.size() == 2);   // itself and the administrator
    CHECK(logs_in(stage, "root@grid.example/other").empty());
    stage.later(100);
    CHECK(owed(stage, root).empty());
    stage.rest(root, "POST", "/accounts/probe@grid.example/approve");
    CHECK(owed(stage, probe) == "account");
    // The account was notified a moment ago.
    CHECK(logs_in(stage, "probe@grid.example/x").empty());
    stage.later(100);
    CHECK(owed(stage, probe).empty());
}

TEST_CASE("notices: who was away is told of the newest state at the next login, once") {
    GridStage stage;
    stage.administrator(root);
    registers(stage, "probe@grid.example/x");
    stage.later(100);
    stage.disconnects("probe@grid.example/x");
    stage.rest(root, "POST", "/accounts/probe@grid.example/approve", R"({"groups":["a"]})");
    stage.rest(root, "PUT", "/accounts/probe@grid.example/groups", R"({"groups":["b"]})");
    stage.later(100);
    CHECK(owed(stage, probe) == "account");
    REQUIRE(stage.connects("probe@grid.example/y"));
    const auto sent = logs_in(stage, "probe@grid.example/y");
    REQUIRE(sent.size() == 1);
    CHECK(sent[0].to == std::vector<std::string>{"probe@grid.example/y"});
    CHECK_THAT(sent[0].message, Catch::Contains("<state>enabled</state><group>b</group>"));
    CHECK_THAT(sent[0].message, Catch::Contains("urn:xmpp:delay"));
    stage.later(100);
    CHECK(owed(stage, probe).empty());
    CHECK(logs_in(stage, "probe@grid.example/y").empty());
}

TEST_CASE("a notice that a newer one replaced before it was forgotten is still owed") {
    GridStage stage;
    stage.member("probe@grid.example/x", R"(["a"])");
    stage.rest(root, "PUT", "/accounts/probe@grid.example/groups", R"({"groups":["b"]})");
    // Told live; before the notice is forgotten the session goes and the groups change again.
    stage.disconnects("probe@grid.example/x");
    stage.rest(root, "PUT", "/accounts/probe@grid.example/groups", R"({"groups":["c"]})");
    stage.later(100);
    CHECK(owed(stage, probe) == "account");
    REQUIRE(logs_in(stage, "probe@grid.example/y").size() == 1);
    CHECK_THAT(stage.control.sent[0].message, Catch::Contains("<group>c</group>"));
}

TEST_CASE("notices: administrators who were away hear of those who still wait, and of no others") {
    GridStage stage;
    stage.administrator(root);   // connected, not logged in
    for (const char* name : {"a", "b", "c"})
        registers(stage, std::string(name) + "@grid.example/x");
    stage.rest(root, "POST", "/accounts/a@grid.example/approve");
    stage.rest(root, "DELETE", "/accounts/b@grid.example");
    const auto sent = logs_in(stage, "root@grid.example/console");
    std::string all;
    for (const auto& one : sent) all += one.message;
    CHECK_THAT(all, Catch::Contains("<username>c@grid.example</username>"));
    CHECK_THAT(all, !Catch::Contains("a@grid.example"));
    CHECK_THAT(all, !Catch::Contains("b@grid.example"));
    stage.later(100);
    CHECK(owed(stage, root).empty());
}

TEST_CASE("notices: nothing is owed to a deleted account, nor to the next holder of its name") {
    GridStage stage;
    stage.administrator(root);
    registers(stage, "probe@grid.example/x");
    stage.disconnects("probe@grid.example/x");
    stage.rest(root, "POST", "/accounts/probe@grid.example/approve");
    CHECK(owed(stage, probe) == "account");
    stage.rest(root, "DELETE", "/accounts/probe@grid.example");
    CHECK(owed(stage, probe).empty());
}

TEST_CASE("notices are bounded per account: the oldest goes") {
    Notices notices;
    const auto commit = [&](grid::storage::Batch batch, grid::storage::Revision revision) {
        for (const auto& operation : batch.operations) {
            const std::string_view rest = std::string_view(operation.key).substr(1);
            if (operation.erase)
                notices.apply(rest, std::nullopt);
            else
                notices.apply(rest, grid::storage::Record{revision, 1, operation.value});
        }
    };
    for (std::size_t i = 1; i <= notices_per_account_max + 10; ++i) {
        grid::storage::Batch batch;
        notices.put(batch, "a@b", "kind " + std::to_string(i), "<x/>");
        commit(std::move(batch), i);
    }
    REQUIRE(notices.find("a@b") != nullptr);
    CHECK(notices.find("a@b")->size() == notices_per_account_max);
    CHECK_FALSE(notices.find("a@b")->contains("kind 10"));
    CHECK(notices.find("a@b")->contains("kind 11"));
    // Another account's are its own; an unreadable record is nothing.
    grid::storage::Batch batch;
    notices.put(batch, "c@d", "kind", "<x/>");
    batch.operations[0].value = "\x09";
    commit(std::move(batch), 1000);
    CHECK(notices.find("c@d") == nullptr);
}

}   // namespace account_notices_test
