// tests/unit/controller/roles_test.cpp: every route and every command, asked by every role and by
// accounts without one, against the table of acts.
#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <iterator>
#include <map>
#include <set>

#include "../../stories/commands_stage.hpp"
#include "controller/commands/command.hpp"
#include "controller/rest/call.hpp"

namespace roles_test {

using namespace grid::controller;
using namespace grid::test;
namespace json = boost::json;

namespace {

struct Asker {
    const char* jid;
    Role role;
};
/// From the lowest role up, since the highest one may take away what others ask about.
constexpr std::array askers{
    Asker{"stranger@grid.example/s", Role::Anybody},
    Asker{"waiting@grid.example/w", Role::Anybody},
    Asker{"off@grid.example/o", Role::Anybody},
    Asker{"probe@grid.example/x", Role::Member},
    Asker{"reader@grid.example/r", Role::Auditor},
    Asker{"night@grid.example/n", Role::Operator},
    Asker{"second@grid.example/a", Role::Administrator},
};

/// With an account of each kind besides root and probe.
struct RoleStage : Commands {
    RoleStage() : Commands(with_passwords()) {
        waits("waiting@grid.example/w");
        member("reader@grid.example/r", R"(["auditors"])");
        member("night@grid.example/n", R"(["operators", "staff"])");
        member("second@grid.example/a", R"(["administrators", "auditors"])");
        member("off@grid.example/o", "[]");
        does("POST", "/accounts/off@grid.example/disable");
    }
    void does(const char* method, const char* path, const std::string& body = {}) {
        REQUIRE(rest("root@grid.example", method, path, body).first < 300);
    }
};

std::string bare_of(const char* full) {
    return std::string(full).substr(0, std::string(full).find('/'));
}

/// The acts of operators, and the questions of auditors, besides reading; written down here once
/// more, so that a slip in the table is not a slip in the test.
const std::set<std::string> of_operators{
    "POST accounts/{jid}/approve", "POST accounts/{jid}/decline", "POST accounts/{jid}/disable",
    "POST sessions/end"
};
const std::set<std::string> questions{
    "POST policy/check", "POST policy/test", "POST policy/dry-run"
};

Role expected_role(const rest::Route& route) {
    const std::string name = std::string(route.method) + " " + std::string(route.pattern);
    if (name == "GET backups/{name}/archive") return Role::Administrator;
    if (route.method == "GET" || questions.contains(name)) return Role::Auditor;
    return of_operators.contains(name) ? Role::Operator : Role::Administrator;
}

std::string path_of(const rest::Route& route, const std::string& name) {
    std::string path(route.pattern);
    for (auto at = path.find('{'); at != std::string::npos; at = path.find('{'))
        path.replace(at, path.find('}') - at + 1, name);
    return path;
}

}   // namespace

TEST_CASE("each route is answered to the roles that the table says, and to no other") {
    std::size_t asked = 0;
    for (const auto& table : rest::all_routes())
        for (const rest::Route& route : table) {
            const Role needed = least_role(route.act);
            CAPTURE(route.method, route.pattern);
            CHECK(route.act != Act::Administer);   // each names the act that it is
            CHECK(needed == expected_role(route));
            RoleStage stage;
            for (const Asker& asker : askers) {
                CAPTURE(asker.jid);
                const auto [status, body] = stage.rest(
                    bare_of(asker.jid), std::string(route.method),
                    path_of(route, "waiting@grid.example")
                );
                ++asked;
                if (asker.role >= needed) {
                    CHECK(status != 403);
                    continue;
                }
                CHECK(status == 403);
                const json::value problem = json::parse(body);
                CHECK(problem.at("code") == "not-administrator");
                CHECK(std::string_view(problem.at("role").as_string()) == to_string(needed));
                const std::string detail(problem.at("detail").as_string());
                CHECK(
                    detail.find("the role " + std::string(to_string(needed))) != std::string::npos
                );
            }
        }
    CHECK(asked > 300);
}

TEST_CASE("each command is run for the roles that the table says, and for no other") {
    std::size_t asked = 0;
    for (const auto& table : commands::all_commands())
        for (const commands::Command& row : table) {
            const Role needed = least_role(row.act);
            CAPTURE(row.node);
            RoleStage stage;
            for (const Asker& asker : askers) {
                if (asker.role == Role::Anybody) continue;   // confined: tests of their own
                CAPTURE(asker.jid);
                const std::string error =
                    stage.run(asker.jid, command(std::string(row.node))).error();
                ++asked;
                CHECK((error == "cancel forbidden") == (asker.role < needed));
            }
        }
    CHECK(asked > 100);
}

TEST_CASE("status names the acts of the role, which pages show") {
    RoleStage stage;
    const auto may = [&](const std::string& jid) {
        const auto answer = stage.rest(jid, "GET", "/status");
        REQUIRE(answer.first == 200);
        std::set<std::string> names;
        const json::value body = json::parse(answer.second);
        for (const json::value& name : body.at("may").as_array()) names.emplace(name.as_string());
        return names;
    };
    const auto reads = may("reader@grid.example"), operates = may("night@grid.example");
    CHECK(reads.contains("read-audit"));
    CHECK(reads.contains("ask-policy"));
    CHECK_FALSE(reads.contains("approve-accounts"));
    std::set<std::string> more;
    std::ranges::set_difference(operates, reads, std::inserter(more, more.end()));
    CHECK(
        more ==
        std::set<std::string>{
            "approve-accounts", "decline-accounts", "disable-accounts", "end-sessions"
        }
    );
    CHECK(may("second@grid.example").size() == acts_count);
}

TEST_CASE("an operator decides about accounts without a role, and gives none") {
    RoleStage stage;
    const auto night = [&](const char* method, const char* path, const std::string& body = {}) {
        return stage.rest("night@grid.example", method, path, body);
    };
    const std::string role_groups = R"({"groups": ["auditors"]})";
    CHECK(night("POST", "/accounts/waiting@grid.example/approve", role_groups).first == 403);
    CHECK(
        night("POST", "/accounts/waiting@grid.example/approve", R"({"groups": ["staff"]})").first ==
        200
    );
    // Approved again it would be in other groups.
    CHECK(
        night("POST", "/accounts/waiting@grid.example/approve", R"({"groups": []})").first == 403
    );
    for (const char* who : {"root", "second", "reader", "night"}) {
        CAPTURE(who);
        const std::string account = std::string(who) + "@grid.example";
        const std::string path = "/accounts/" + account + "/disable";
        CHECK(night("POST", path.c_str()).first == 403);
        const std::string session = R"({"jid": ")" + account + R"("})";
        if (account != "root@grid.example")   // has a session
            CHECK(night("POST", "/sessions/end", session).first == 403);
    }
    CHECK(night("POST", "/sessions/end", R"({"jid": "probe@grid.example"})").first == 200);
    CHECK(night("POST", "/accounts/probe@grid.example/disable").first == 200);
    CHECK(night("POST", "/accounts/probe@grid.example/enable").first == 403);
    // By command it is the same act.
    const Answer asked = stage.run("night@grid.example/n", command(admin_command("disable-user")));
    const std::string fields = field("accountjids", {"reader@grid.example"});
    const Answer done = stage.run(
        "night@grid.example/n",
        command(admin_command("disable-user"), submit(fields), asked.session)
    );
    CHECK(done.error() == "auth forbidden denied");
}

TEST_CASE("a role ends with its group, with the account's state and with its certificate") {
    RoleStage stage;
    CHECK(stage.rest("reader@grid.example", "GET", "/audit").first == 200);
    stage.control.closed.clear();
    stage.does("PUT", "/accounts/reader@grid.example/groups", R"({"groups": ["staff"]})");
    CHECK(stage.rest("reader@grid.example", "GET", "/audit").first == 403);
    REQUIRE_FALSE(stage.control.closed.empty());   // streams end, too
    CHECK(stage.control.closed.front().first == "reader@grid.example");
    CHECK(stage.rest("night@grid.example", "GET", "/audit").first == 200);
    stage.does("POST", "/accounts/night@grid.example/disable");
    CHECK(stage.rest("night@grid.example", "GET", "/audit").first == 403);
    stage.does("POST", "/accounts/night@grid.example/enable");
    stage.does(
        "POST", "/accounts/night@grid.example/rebind",
        R"({"ca": ")" + std::string(64, 'b') + R"("})"
    );
    CHECK(stage.rest("night@grid.example", "GET", "/audit").first == 403);
}

TEST_CASE("no rule and no default gives a role") {
    RoleStage stage;
    for (const char* group : {"administrators", "operators", "auditors"}) {
        CAPTURE(group);
        const std::string wanted = R"({"default_groups": [")" + std::string(group) + R"("]})";
        CHECK(stage.rest("root@grid.example", "PUT", "/settings", wanted).first == 400);
        CHECK_FALSE(parse_approval_rule("-> " + std::string(group)).has_value());
    }
}

TEST_CASE("those who may approve an account hear that it waits, each once") {
    RoleStage stage;
    stage.does(
        "PUT", "/accounts/second@grid.example/groups",
        R"({"groups": ["administrators", "operators"]})"
    );
    REQUIRE(stage.connects("late@grid.example/l"));
    for (auto& [id, view] : stage.sessions.table) view.is_active = true;
    stage.control = {};
    stage.sends(
        "late@grid.example/l",
        "<iq xmlns='jabber:client' id='r' type='set' to='controller.grid.example'>"
        "<query xmlns='jabber:iq:register'/></iq>"
    );
    std::map<std::string, int> told;
    for (const auto& sent : stage.control.sent)
        for (const std::string& to : sent.to)
            if (sent.message.find("late@grid.example asks to join") != std::string::npos)
                ++told[to];
    CHECK(told["night@grid.example/n"] == 1);
    CHECK(told["second@grid.example/a"] == 1);   // in both groups
    CHECK(told.count("reader@grid.example/r") == 0);
    CHECK(told.count("probe@grid.example/x") == 0);
}

}   // namespace roles_test
