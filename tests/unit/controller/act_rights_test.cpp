// tests/unit/controller/act_rights_test.cpp: an act of an administrator that loses its right
// between decision and commit is not done, whatever interface asks.
#include <array>
#include <functional>
#include <set>

#include "../../stories/commands_stage.hpp"
#include "controller/commands/command.hpp"
#include "controller/rest/call.hpp"

namespace act_rights_test {

using namespace grid::controller;
using namespace grid::test;
namespace pubsub = grid::pubsub;
namespace xml = grid::xml;

namespace {

constexpr const char* second = "second@grid.example";
const std::string other_ca(64, 'b');
constexpr const char* schema =
    R"(<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema' targetNamespace='x'>)"
    R"(<xs:element name='e'/></xs:schema>)";

/// A grid in which each act has an object: accounts in every state, a group, a topic, a schema.
struct ActStage : Commands {
    ActStage() : Commands(with_passwords()) {
        administrator(second);
        waits("one@grid.example/1");
        member("off@grid.example/1", "[]");
        does("POST", "/accounts/off@grid.example/disable");
        does("PUT", "/accounts/probe@grid.example/password", password);
        does("PUT", "/accounts/second@grid.example/second-factor");
        does("PUT", "/groups/spare");
        does("PUT", "/policy", R"({"text": "allow any any any\n# second"})");
        does("PUT", "/schemas", documents("a.xsd"));
        make_topic("alerts");
        stores_file();
        does("PUT", "/motd", R"({"text": "morning"})");
        does("PUT", "/welcome", R"({"text": "welcome"})");
    }
    void does(const char* method, const char* path, const std::string& body = {}) {
        REQUIRE(rest(second, method, path, body).first < 300);
    }
    void stores_file() {
        bulk::File file;
        file.id = "0123456789abcdef0123456789abcdef";
        file.owner = "probe@grid.example";
        file.name = "a";
        file.size = 1;
        file.expires = 4'000'000'000'000;
        grid::storage::Batch batch;
        batch.put(grid::storage::Family::Control, bulk::file_key(file.id), bulk::encode(file));
        REQUIRE(commit(std::move(batch)));
    }
    static constexpr const char* password = R"({"password": "pencil"})";
    static std::string to_other_ca() { return R"({"ca": ")" + other_ca + R"("})"; }
    static std::string documents(const std::string& location) {
        return R"({"documents": [{"location": ")" + location + R"(", "text": ")" + schema +
               R"("}]})";
    }

    /// The ways in which the right of root goes.
    static constexpr std::array<const char*, 3> losses{"groups", "disable", "rebind"};
    void takes_right(const std::string& loss) {
        const std::string path = "/accounts/root@grid.example/" + loss;
        if (loss == "groups") return does("PUT", path.c_str(), R"({"groups": ["makers"]})");
        does("POST", path.c_str(), loss == "rebind" ? to_other_ca() : "");
    }

    /// A decision of root, decided as far as a batch, to commit after the right is gone.
    template <class Decision>
    void loses(
        const std::function<Decision(const pubsub::Context&)>& decide,
        const pubsub::Principal& actor,
        const std::string& loss,
        const std::function<bool(Decision&)>& is_refused
    ) {
        const pubsub::Context with = context(actor);
        Decision decision = decide(with);
        for (; decision.work() != nullptr; decision = decide(with))
            (*decision.work())(*store.snapshot());
        REQUIRE(decision.change() != nullptr);
        takes_right(loss);
        const auto revision = store.status().revision;
        CHECK_FALSE(commit(std::move(decision.change()->batch)));
        CHECK(store.status().revision == revision);
        decision = decide(with);
        CHECK(is_refused(decision));
    }
};

struct RestCase {
    const char *route, *path;
    std::string body = {};
};
const std::vector<RestCase>& rest_cases() {
    static const std::vector<RestCase> cases{
        {"POST accounts", "/accounts", R"({"jid": "new@grid.example"})"},
        {"PATCH accounts/{jid}", "/accounts/probe@grid.example", R"({"description": "a probe"})"},
        {"DELETE accounts/{jid}", "/accounts/probe@grid.example"},
        {"POST accounts/{jid}/approve", "/accounts/one@grid.example/approve"},
        {"POST accounts/{jid}/decline", "/accounts/one@grid.example/decline"},
        {"POST accounts/{jid}/disable", "/accounts/probe@grid.example/disable"},
        {"POST accounts/{jid}/enable", "/accounts/off@grid.example/enable"},
        {"PUT accounts/{jid}/groups", "/accounts/probe@grid.example/groups", R"({"groups": []})"},
        {"PUT accounts/{jid}/password", "/accounts/probe@grid.example/password", ActStage::password
        },
        {"DELETE accounts/{jid}/password", "/accounts/probe@grid.example/password"},
        {"PUT accounts/{jid}/second-factor", "/accounts/probe@grid.example/second-factor"},
        {"DELETE accounts/{jid}/second-factor", "/accounts/second@grid.example/second-factor"},
        {"POST accounts/{jid}/rebind", "/accounts/probe@grid.example/rebind",
         ActStage::to_other_ca()},
        {"POST rebind", "/rebind", R"({"from": "ca", "ca": ")" + other_ca + R"("})"},
        {"PUT groups/{name...}", "/groups/more"},
        {"DELETE groups/{name...}", "/groups/spare"},
        {"PUT policy", "/policy", R"({"text": "deny any any any"})"},
        {"POST policy/rollback", "/policy/rollback", R"({"version": 1})"},
        {"PUT topics/{name...}", "/topics/alerts", R"({"enabled": false})"},
        {"PUT topics/{name...}", "/topics/alerts", R"({"validation": "lax", "schema": "a.xsd"})"},
        {"DELETE topics/{name...}", "/topics/alerts"},
        {"PUT schemas", "/schemas", ActStage::documents("b.xsd")},
        {"DELETE schemas/{location...}", "/schemas/a.xsd"},
        {"DELETE files/{id}", "/files/0123456789abcdef0123456789abcdef"},
        {"PUT settings", "/settings", R"({"auto_approve": true})"},
        {"POST sessions/end", "/sessions/end", R"({"jid": "probe@grid.example"})"},
        {"POST announce", "/announce", R"({"text": "noon"})"},
        {"PUT motd", "/motd", R"({"text": "noon"})"},
        {"DELETE motd", "/motd"},
        {"PUT welcome", "/welcome", R"({"text": "hello"})"},
        {"DELETE welcome", "/welcome"},
        {"PUT administrators", "/administrators",
         R"({"administrators": ["root@grid.example", "probe@grid.example"]})"},
        {"POST shutdown", "/shutdown", R"({"delay_seconds": 60})"},
    };
    return cases;
}
/// Routes of acts that write no batch.
const std::set<std::string> rest_questions{
    "POST policy/check",
    "POST policy/test",
    "POST policy/dry-run",
    "POST store/reopen",
    "POST reload",
    "POST backups",
    "DELETE backups/{name}",
    "POST cluster/members/{name}/drain",
    "POST cluster/members/{name}/join",
    "POST cluster/members/{name}/promote",
    "POST cluster/members/{name}/leave"
};

struct CommandCase {
    std::string node, fields;
};
const std::vector<CommandCase>& command_cases() {
    const auto jids = [](const char* name) {
        return field("accountjids", {std::string(name) + "@grid.example"});
    };
    const std::string topic = field("pubsub#node", {"alerts"});
    static const std::vector<CommandCase> cases{
        {own("account-approve"), jids("one")},
        {own("account-decline"), jids("one")},
        {own("account-group"),
         field("accountjid", {"probe@grid.example"}) + field("x-grid#group", {"more"})},
        {own("account-rebind"), jids("probe") + field("x-grid#ca", {other_ca})},
        {own("account-rebind"), field("x-grid#from-ca", {"ca"}) + field("x-grid#ca", {other_ca})},
        {own("policy-set"), field("x-grid#policy", {"deny any any any"})},
        {own("topic-disable"), topic},
        {own("topic-delete"), topic},
        {own("topic-schema"),
         topic + field("x-grid#validation", {"lax"}) + field("x-grid#schema_document", {"a.xsd"})},
        {own("settings"), field("x-grid#auto-approve", {"1"})},
        {admin_command("add-user"), field("accountjid", {"new@grid.example"})},
        {admin_command("change-user-password"),
         field("accountjid", {"probe@grid.example"}) + field("password", {"pencil"})},
        {admin_command("delete-user"), jids("probe")},
        {admin_command("disable-user"), jids("probe")},
        {admin_command("reenable-user"), jids("off")},
        {admin_command("end-user-session"), jids("probe")},
        {admin_command("announce"), field("announcement", {"noon"})},
        {admin_command("set-motd"), field("motd", {"noon"})},
        {admin_command("edit-motd"), field("motd", {"noon"})},
        {admin_command("delete-motd"), ""},
        {admin_command("set-welcome"), field("welcome", {"hello"})},
        {admin_command("delete-welcome"), ""},
        {admin_command("edit-admin"),
         field("adminjids", {"root@grid.example", "probe@grid.example"})},
        {admin_command("restart"), field("delay", {"60"})},
        {admin_command("shutdown"), field("delay", {"60"})},
    };
    return cases;
}
/// Commands of administrators that ask, or are refused. `topic-enable` is `topic-disable` with
/// another value.
const std::set<std::string> command_questions{
    own("accounts-list"),
    own("policy-get"),
    own("policy-test"),
    own("stats"),
    own("topics-list"),
    own("topic-subscribers"),
    own("topic-enable"),
    admin_command("edit-blacklist"),
    admin_command("edit-whitelist"),
    admin_command("get-active-users"),
    admin_command("get-idle-users"),
    admin_command("get-active-users-num"),
    admin_command("get-idle-users-num"),
    admin_command("get-user-lastlogin"),
    admin_command("get-registered-users-list"),
    admin_command("get-disabled-users-list"),
    admin_command("get-online-users-list"),
    admin_command("get-registered-users-num"),
    admin_command("get-disabled-users-num"),
    admin_command("get-online-users-num"),
    admin_command("user-stats"),
};

void lose_at_rest(const RestCase& given, const std::string& loss) {
    ActStage stage;
    Rest rest(stage.controller(), *stage.node.broker, stage.sessions, stage.server);
    const std::string route = given.route;
    const bool needs_condition = route == "PUT policy" || route == "PUT administrators";
    const auto prepared = rest.prepare(
        {route.substr(0, route.find(' ')), given.path, "", given.body, needs_condition ? "*" : ""}
    );
    REQUIRE(prepared.has_value());
    pubsub::Principal actor;
    actor.jid = *xml::Jid::parse("root@grid.example");
    actor.origin = pubsub::Origin::Http;
    actor.issuer = "ca";
    stage.loses<HttpDecision>(prepared->decide, actor, loss, [](const HttpDecision& decision) {
        return decision.reply() != nullptr && decision.reply()->status == 403;
    });
}

void lose_at_command(const CommandCase& given, const std::string& loss) {
    ActStage stage;
    // A command without fields is done in its first stage.
    std::string request = command(given.node);
    if (!given.fields.empty()) {
        const Answer asked = stage.run(root, command(given.node));
        REQUIRE(asked.status == "executing");
        request = command(given.node, submit(given.fields), asked.session);
    }
    const xml::Element iq = parse(request);
    const auto prepared = stage.controller().prepare(
        {xml::IqType::Set, stage.settings.address, iq.first_child(), {&iq}}
    );
    REQUIRE(prepared.has_value());
    REQUIRE(prepared->has_value());
    // An account that is bound to another CA is not the one that this session acts for.
    const std::string_view expected = loss == "rebind" ? "registration-required" : "forbidden";
    stage.loses<pubsub::Decision>(
        (*prepared)->decide, stage.principal(root), loss,
        [expected](const pubsub::Decision& decision) {
            return decision.error() != nullptr && decision.error()->condition == expected;
        }
    );
}

}   // namespace

TEST_CASE("by REST, an act of an administrator that lost its right meanwhile is not done") {
    for (const RestCase& given : rest_cases())
        for (const char* loss : ActStage::losses) {
            CAPTURE(given.route, given.body, loss);
            lose_at_rest(given, loss);
        }
}

TEST_CASE("by command, an act of an administrator that lost its right meanwhile is not done") {
    for (const CommandCase& given : command_cases())
        for (const char* loss : ActStage::losses) {
            CAPTURE(given.node, given.fields, loss);
            lose_at_command(given, loss);
        }
}

TEST_CASE("each route and command that changes something is tried without the right") {
    std::set<std::string> tried = rest_questions;
    for (const RestCase& given : rest_cases()) tried.insert(given.route);
    for (const auto& table : rest::all_routes())
        for (const rest::Route& route : table) {
            if (route.method == "GET") continue;
            CHECK(tried.contains(std::string(route.method) + " " + std::string(route.pattern)));
        }
    tried = command_questions;
    for (const CommandCase& given : command_cases()) tried.insert(given.node);
    for (const auto& table : commands::all_commands())
        for (const commands::Command& row : table) {
            if (least_role(row.act) < Role::Auditor) continue;
            CAPTURE(row.node);
            CHECK(tried.contains(std::string(row.node)));
        }
}

}   // namespace act_rights_test
