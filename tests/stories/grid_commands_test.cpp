// tests/stories/grid_commands_test.cpp: XEP-0133: texts for accounts, administrators, last logins,
// idle users, the end of the process.

#include "commands_stage.hpp"
#include "controller/process_control.hpp"
#include "xml/writer.hpp"

namespace grid_commands_test {

using namespace grid::test;
namespace storage = grid::storage;
namespace xml = grid::xml;

namespace {

struct FakeProcess final : grid::controller::ProcessControl {
    void stop(bool restarts, std::chrono::seconds delay) override {
        stops.emplace_back(restarts, static_cast<int>(delay.count()));
    }
    grid::controller::ReloadReport reload(const grid::pubsub::Principal& by) override {
        reloads.push_back(by.jid.str());
        return report;
    }
    std::vector<std::pair<bool, int>> stops;
    std::vector<std::string> reloads;
    grid::controller::ReloadReport report;
};

struct Texts : Commands {
    /// As the server does when a session becomes active; the bodies that it is sent.
    std::vector<std::string> logs_in(const std::string& full) {
        control.sent.clear();
        for (auto& [id, view] : sessions.table)
            if (view.jid.str() == full) view.is_active = true;
        controller().logged_in(*xml::Jid::parse(full), time(), control);
        return bodies();
    }
    std::vector<std::string> bodies() const {
        std::vector<std::string> found;
        for (const auto& one : control.sent) {
            const auto from = one.message.find("<body>") + 6;
            found.push_back(one.message.substr(from, one.message.find("</body>") - from));
        }
        return found;
    }
    storage::Millis time() { return context({}).now; }
    void says(const char* name, const std::string& text) {
        control.sent.clear();
        const std::string var = std::string(name).ends_with("motd") ? "motd" : "welcome";
        CHECK(fill(root, admin_command(name), field(var, {text})).status == "completed");
    }
};

using Bodies = std::vector<std::string>;

}   // namespace

TEST_CASE_METHOD(Texts, "XEP-0133 4.24-4.26: each account gets the message of the day once") {
    CHECK(logs_in(probe).empty());
    says("set-motd", "noon");
    REQUIRE(control.sent.size() == 1);
    CHECK(control.sent[0].to == Bodies{probe});
    CHECK(control.sent[0].message.find("type='headline'") != std::string::npos);
    // The account has had it; an account that was away gets it with its next login, and once.
    CHECK(logs_in(probe).empty());
    CHECK(logs_in(root) == Bodies{"noon"});
    CHECK(logs_in(root).empty());
    // A correction is for those that have not had the text.
    CHECK(run(root, command(admin_command("edit-motd"))).values("motd") == Bodies{"noon"});
    says("edit-motd", "afternoon");
    CHECK(control.sent.empty());
    CHECK(logs_in(probe).empty());
    member("late@grid.example/l", "[]");
    CHECK(logs_in("late@grid.example/l") == Bodies{"afternoon"});
    // Another message is another one.
    later(1);
    says("set-motd", "evening");
    CHECK(bodies() == Bodies{"evening"});
    CHECK(run(root, command(admin_command("delete-motd"))).status == "completed");
    CHECK(run(root, command(admin_command("delete-motd"))).status == "completed");
    member("later@grid.example/l", "[]");
    CHECK(logs_in("later@grid.example/l").empty());
    const auto audit = rest("root@grid.example", "GET", "/audit", "", "operation=edit-motd");
    CHECK(audit.second.find("root@grid.example") != std::string::npos);
    CHECK(audit.second.find("afternoon") == std::string::npos);
}

TEST_CASE_METHOD(
    Texts, "XEP-0133 4.27-4.28: an account made since then is welcomed at its first login"
) {
    later(1'000);
    says("set-welcome", "hello");
    CHECK(logs_in(probe).empty());   // made before
    member("new@grid.example/n", "[]");
    CHECK(logs_in("new@grid.example/n") == Bodies{"hello"});
    CHECK(logs_in("new@grid.example/n").empty());
    // Neither after a restart, once the logins are written.
    later(2'000);
    node.controller->forget();
    REQUIRE(store.scan([&](const storage::KeyChange& change) { node.controller->apply(change); }
    ).has_value());
    node.controller->scan_finished();
    CHECK(logs_in("new@grid.example/n").empty());
    // An account that takes the name of one that was deleted is another account.
    CHECK(
        fill(root, admin_command("delete-user"), field("accountjids", {"new@grid.example"}))
            .status == "completed"
    );
    disconnects("new@grid.example/n");
    later(60'000);
    member("new@grid.example/n", "[]");
    CHECK(logs_in("new@grid.example/n") == Bodies{"hello"});
    CHECK(run(root, command(admin_command("delete-welcome"))).status == "completed");
    member("newer@grid.example/n", "[]");
    CHECK(logs_in("newer@grid.example/n").empty());
}

TEST_CASE_METHOD(Texts, "XEP-0133 4.24: texts without a letter, or too long, are refused") {
    for (const char* name : {"set-motd", "edit-motd", "set-welcome"}) {
        const std::string var = std::string(name).ends_with("motd") ? "motd" : "welcome";
        CAPTURE(name);
        CHECK(
            fill(root, admin_command(name), field(var, {"  "})).error() ==
            "modify bad-request malformed-request"
        );
        CHECK(
            fill(root, admin_command(name), field(var, {std::string(17'000, 'x')})).error() ==
            "modify bad-request malformed-request"
        );
    }
    CHECK(rest("root@grid.example", "PUT", "/motd", R"({"text": 1})").first == 400);
    CHECK(rest("root@grid.example", "GET", "/motd").second == R"({"motd":null})");
    CHECK(rest("root@grid.example", "PUT", "/motd", R"({"text": "noon"})").first == 200);
    CHECK(
        rest("root@grid.example", "GET", "/motd").second.find(R"("text":"noon")") !=
        std::string::npos
    );
    CHECK(rest("root@grid.example", "DELETE", "/motd").first == 200);
    CHECK(rest("root@grid.example", "GET", "/motd").second == R"({"motd":null})");
}

TEST_CASE_METHOD(Texts, "XEP-0133 4.9: the last login of an account that is away") {
    const auto ask = [&](const char* name) {
        return fill(
            root, admin_command("get-user-lastlogin"),
            field("accountjid", {std::string(name) + "@grid.example"})
        );
    };
    CHECK(ask("nobody").error() == "cancel item-not-found");
    const Answer never = ask("probe");
    CHECK(never.status == "completed");
    CHECK(never.values("lastlogin").empty());
    logs_in(probe);
    const std::string first = ask("probe").value("lastlogin");
    CHECK(first.size() == std::string_view("2002-09-10T23:41:07.000Z").size());
    disconnects(probe);
    later(3'600'000);
    CHECK(ask("probe").value("lastlogin") == first);
    REQUIRE(connects(probe));
    logs_in(probe);
    CHECK(ask("probe").value("lastlogin") > first);
}

TEST_CASE_METHOD(Texts, "XEP-0133 4.16, 4.17, 4.21, 4.22: online is active or idle") {
    logs_in(root);
    logs_in(probe);
    later(11 * 60 * 1000);
    const auto list = [&](const char* name, const char* var) {
        return run(root, command(admin_command(name))).values(var);
    };
    CHECK(list("get-active-users", "activeuserjids") == Bodies{"root@grid.example"});
    CHECK(list("get-idle-users", "idleuserjids") == Bodies{"probe@grid.example"});
    CHECK(list("get-active-users-num", "activeusersnum") == Bodies{"1"});
    CHECK(list("get-idle-users-num", "idleusersnum") == Bodies{"1"});
    CHECK(list("get-online-users-num", "onlineusersnum") == Bodies{"2"});
    make_topic("alerts");   // probe said something
    CHECK(list("get-idle-users", "idleuserjids").empty());
    CHECK(list("get-active-users-num", "activeusersnum") == Bodies{"2"});
}

TEST_CASE_METHOD(Commands, "XEP-0133 4.29: the list of administrators is replaced as a whole") {
    const std::string edit = admin_command("edit-admin");
    CHECK(
        run(root, command(edit)).values("adminjids") ==
        std::vector<std::string>{"root@grid.example"}
    );
    const auto set = [&](const std::vector<std::string>& jids) {
        return fill(root, edit, field("adminjids", jids));
    };
    CHECK(set({"nobody@grid.example", "root@grid.example"}).error() == "cancel item-not-found");
    CHECK(set({"probe@grid.example"}).error() == "cancel not-allowed");   // not without oneself
    CHECK(set({}).error() == "modify bad-request bad-payload");
    control = {};
    CHECK(set({"probe@grid.example", "root@grid.example"}).status == "completed");
    CHECK(control.closed == decltype(control.closed){{"probe@grid.example", "reset"}});
    CHECK(
        rest("root@grid.example", "GET", "/administrators").second ==
        R"({"administrators":["probe@grid.example","root@grid.example"],"next":null})"
    );
    const auto account = rest("root@grid.example", "GET", "/accounts/probe@grid.example").second;
    CHECK(account.find(R"("groups":["administrators","makers"])") != std::string::npos);
    CHECK(
        rest(
            "root@grid.example", "PUT", "/administrators",
            R"({"administrators": ["root@grid.example"]})"
        )
            .first == 200
    );
    CHECK(
        rest("root@grid.example", "GET", "/administrators").second ==
        R"({"administrators":["root@grid.example"],"next":null})"
    );
}

TEST_CASE_METHOD(Commands, "XEP-0133 4.30, 4.31: restart and shutdown follow the record") {
    FakeProcess process;
    controller().attach(process);
    for (auto& [id, view] : sessions.table) view.is_active = true;
    control = {};
    const std::string noon = field("announcement", {"back at noon"});
    CHECK(
        fill(root, admin_command("restart"), field("delay", {"120"}) + noon).status == "completed"
    );
    CHECK(process.stops == decltype(process.stops){{true, 120}});
    REQUIRE(control.sent.size() == 1);
    CHECK(control.sent[0].to.size() == 2);
    CHECK(control.sent[0].message.find("back at noon") != std::string::npos);
    CHECK(fill(root, admin_command("shutdown"), "").status == "completed");
    CHECK(process.stops.back() == std::pair(false, 0));
    CHECK(control.sent.size() == 1);   // no announcement
    for (const char* delay : {"-1", "soon", "86401"})
        CHECK_FALSE(fill(root, admin_command("shutdown"), field("delay", {delay})).error().empty());
    CHECK(rest("root@grid.example", "POST", "/shutdown", R"({"delay_seconds": -1})").first == 400);
    CHECK(rest("root@grid.example", "POST", "/shutdown", R"({"restart": 1})").first == 400);
    CHECK(process.stops.size() == 2);
    CHECK(
        rest("root@grid.example", "POST", "/shutdown", R"({"restart": true, "delay_seconds": 5})")
            .second == R"({"restarts":true,"in_seconds":5})"
    );
    CHECK(process.stops.back() == std::pair(true, 5));
    const auto audit = rest("root@grid.example", "GET", "/audit", "", "operation=restart");
    CHECK(audit.second.find("in 120 seconds") != std::string::npos);
    // A scan after the restart does not stop it again.
    node.controller->forget();
    REQUIRE(store.scan([&](const storage::KeyChange& change) { node.controller->apply(change); }
    ).has_value());
    CHECK(process.stops.size() == 3);
}

TEST_CASE_METHOD(Commands, "a reload's answer says what was taken, or each mistake") {
    FakeProcess process;
    controller().attach(process);
    process.report.changed = {"certificates", "log.level"};
    process.report.needs_restart = {"domain"};
    process.report.warnings = {{"gridd.toml:3:1", "soon over"}};
    CHECK(
        rest("root@grid.example", "POST", "/reload") ==
        std::pair(
            200, std::string(R"({"changed":["certificates","log.level"],)"
                             R"("needs_restart":["domain"],)"
                             R"("warnings":[{"where":"gridd.toml:3:1","text":"soon over"}]})")
        )
    );
    CHECK(process.reloads == std::vector<std::string>{"root@grid.example"});
    process.report.mistakes = {{"gridd.toml:3:1", "no number"}, {"policy:1:2", "no \"word\""}};
    const auto [status, body] = rest("root@grid.example", "POST", "/reload");
    CHECK(status == 409);
    CHECK(body.find(R"("code":"reload-refused")") != std::string::npos);
    CHECK(body.find("2 mistakes") != std::string::npos);
    CHECK(
        body.find(R"("mistakes":[{"where":"gridd.toml:3:1","text":"no number"},)"
                  R"({"where":"policy:1:2","text":"no \"word\""}])") != std::string::npos
    );
    CHECK(rest("probe@grid.example", "POST", "/reload").first == 403);
    CHECK(rest("root@grid.example", "POST", "/reload", R"({"now": true})").first == 400);
    CHECK(process.reloads.size() == 2);
}

TEST_CASE_METHOD(Commands, "a reload is on record with what came of it") {
    const auto by = grid::pubsub::Principal::system();
    controller().record_reload(by, true, "SIGHUP: changed policy");
    controller().record_reload(by, true, "SIGHUP: changed nothing");
    controller().record_reload(by, false, "SIGHUP: 1 mistakes: gridd.toml:3:1: no number");
    for (auto& batch : controller().due_before_change()) REQUIRE(commit(std::move(batch)));
    const auto taken = rest("root@grid.example", "GET", "/audit", "", "operation=reload").second;
    CHECK(taken.find("changed policy") != std::string::npos);
    CHECK(taken.find("changed nothing") != std::string::npos);
    const auto refused =
        rest("root@grid.example", "GET", "/audit", "", "operation=reload-refused").second;
    CHECK(refused.find("gridd.toml:3:1") != std::string::npos);
}

TEST_CASE_METHOD(Commands, "XEP-0133 4.11, 4.12: there are no lists beside the policy") {
    for (const char* name : {"edit-blacklist", "edit-whitelist"}) {
        CHECK(run(root, command(admin_command(name))).error() == "cancel not-allowed");
        const auto listed = sends(root, disco("items", "http://jabber.org/protocol/commands"));
        CHECK(xml::to_string(listed).find(name) == std::string::npos);
    }
}

TEST_CASE_METHOD(Commands, "XEP-0133: accounts that are no administrators run none of these") {
    for (const char* name :
         {"set-motd", "edit-motd", "delete-motd", "set-welcome", "delete-welcome", "edit-admin",
          "restart", "shutdown", "edit-blacklist", "get-active-users", "get-idle-users-num",
          "get-user-lastlogin"}) {
        CAPTURE(name);
        CHECK(run(probe, command(admin_command(name))).error() == "cancel forbidden");
    }
}

}   // namespace grid_commands_test
