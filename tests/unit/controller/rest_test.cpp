// tests/unit/controller/rest_test.cpp: the table of REST calls: who may, what they do, what they
// say.
#include <boost/json.hpp>
#include <catch2/catch.hpp>

#include "../../stories/grid_stage.hpp"
#include "controller/policy/parser.hpp"
#include "controller/rest/call.hpp"
#include "controller/rest/routing.hpp"

namespace rest_test {

using namespace grid::controller;
using grid::test::GridStage;
namespace json = boost::json;

namespace {

constexpr const char* root = "root@grid.example";

json::value body(const std::pair<int, std::string>& answer) { return json::parse(answer.second); }
std::string code(const std::pair<int, std::string>& answer) {
    return std::string(body(answer).at("code").as_string());
}

}   // namespace

TEST_CASE("every row of the table is refused to everybody but administrators") {
    GridStage stage;
    stage.member("probe@grid.example/x", "[]");
    const auto revision = stage.store.status().revision;
    for (const auto& table :
         {rest::account_routes(), rest::policy_routes(), rest::store_routes(), rest::view_routes()})
        for (const rest::Route& route : table) {
            std::string path(route.pattern);
            for (auto at = path.find('{'); at != std::string::npos; at = path.find('{'))
                path.replace(at, path.find('}') - at + 1, "probe@grid.example");
            CAPTURE(route.method, path);
            for (const char* who : {"probe@grid.example", "stranger@grid.example"}) {
                const auto answer = stage.rest(who, std::string(route.method), path);
                CHECK(answer.first == 403);
                CHECK(code(answer) == "not-administrator");
            }
        }
    CHECK(stage.store.status().revision == revision);
}

TEST_CASE("an administrator without his certificate, or disabled, is none") {
    GridStage stage;
    stage.administrator(root);
    stage.administrator("second@grid.example");
    CHECK(stage.rest("second@grid.example", "GET", "/accounts").first == 200);
    REQUIRE(stage.rest(root, "POST", "/accounts/second@grid.example/disable").first == 200);
    CHECK(stage.rest("second@grid.example", "GET", "/accounts").first == 403);
}

TEST_CASE("an administrator opens the store again, and it is on record") {
    GridStage stage;
    stage.administrator(root);
    CHECK(stage.rest(root, "POST", "/store/reopen").first == 200);
    CHECK(stage.server.reopened == 1);
    stage.server.reopening = grid::storage::make_error_code(grid::storage::Errc::Io);
    const auto answer = stage.rest(root, "POST", "/store/reopen");
    CHECK(answer.first == 503);
    CHECK(code(answer) == "store-not-writable");
    CHECK(stage.rest(root, "GET", "/store/reopen").first == 405);
    CHECK(stage.server.reopened == 2);
}

TEST_CASE("404, 405, 400: unknown paths, methods, parameters, members, bad JSON") {
    GridStage stage;
    stage.administrator(root);
    CHECK(stage.rest(root, "GET", "/nothing").first == 404);
    CHECK(stage.rest(root, "GET", "/accounts/a@grid.example/b/c").first == 404);
    CHECK(stage.rest(root, "GET", "/topics/").first == 200);
    CHECK(code(stage.rest(root, "PATCH", "/accounts")) == "wrong-method");
    CHECK(stage.rest(root, "PATCH", "/accounts").first == 405);
    CHECK(stage.headers == "Allow: GET, POST, HEAD, OPTIONS\r\n");   // RFC 9110 §15.5.6
    CHECK(stage.rest(root, "GET", "/shutdown").first == 405);
    CHECK(stage.headers == "Allow: POST, OPTIONS\r\n");
    CHECK(stage.rest(root, "GET", "/accounts", "", "colour=red").first == 400);
    CHECK(stage.rest(root, "GET", "/accounts", "", "max=0").first == 400);
    CHECK(stage.rest(root, "GET", "/accounts", "", "max=-1").first == 400);
    CHECK(stage.rest(root, "GET", "/accounts", "", "state=%zz").first == 400);
    CHECK(stage.rest(root, "GET", "/accounts", "", "state=asleep").first == 400);
    CHECK(stage.rest(root, "POST", "/accounts", "{").first == 400);
    CHECK(stage.rest(root, "POST", "/accounts", "[]").first == 400);
    CHECK(stage.rest(root, "POST", "/accounts", R"({"jid":"a@grid.example","x":1})").first == 400);
    CHECK(stage.rest(root, "POST", "/accounts", R"({"jid":7})").first == 400);
    CHECK(stage.rest(root, "POST", "/accounts", R"({"jid":"grid.example"})").first == 400);
    CHECK(stage.rest(root, "POST", "/accounts", R"({"jid":"a@else.example"})").first == 400);
    CHECK(
        stage.rest(root, "POST", "/accounts", R"({"jid":"a@grid.example","groups":[" x"]})")
            .first == 400
    );
    CHECK(stage.rest(root, "POST", "/accounts", std::string(2'000'000, ' ')).first == 413);
    CHECK(stage.rest(root, "POST", "/accounts", std::string(100'000, '[')).first == 400);
}

TEST_CASE("accounts by REST: create, list with state and cursor, change, delete") {
    auto settings = GridStage::default_settings();
    settings.page_max = 4;
    GridStage stage(settings);
    stage.administrator(root);
    for (char c = 'a'; c <= 'i'; ++c) {
        const auto made = stage.rest(
            root, "POST", "/accounts", std::string(R"({"jid":")") + c + R"(@GRID.example"})"
        );
        CHECK(made.first == 201);
        CHECK(body(made).at("groups") == json::array{"everyone"});
        CHECK(body(made).at("certificate").is_null());
    }
    CHECK(
        code(stage.rest(root, "POST", "/accounts", R"({"jid":"a@grid.example"})")) ==
        "account-exists"
    );
    std::vector<std::string> seen;
    std::string next;
    do {
        const auto page =
            body(stage.rest(root, "GET", "accounts", "", "state=enabled&max=100&after=" + next));
        CHECK(page.at("accounts").as_array().size() <= 4);   // page_max, asked for or not
        for (const auto& account : page.at("accounts").as_array())
            seen.emplace_back(account.at("jid").as_string());
        next = page.at("next").is_null() ? "" : std::string(page.at("next").as_string());
    } while (!next.empty());
    CHECK(seen.size() == 10);
    CHECK(std::is_sorted(seen.begin(), seen.end()));
    CHECK(body(stage.rest(root, "GET", "/accounts", "", "state=pending"))
              .at("accounts")
              .as_array()
              .empty());
    CHECK(code(stage.rest(root, "POST", "/accounts/a@grid.example/decline")) == "wrong-state");
    CHECK(stage.rest(root, "POST", "/accounts/a@grid.example/disable").first == 200);
    CHECK(code(stage.rest(root, "POST", "/accounts/a@grid.example/approve")) == "wrong-state");
    CHECK(body(stage.rest(root, "GET", "/accounts/a@grid.example")).at("state") == "disabled");
    CHECK(stage.rest(root, "POST", "/accounts/a@grid.example/disable").first == 200);
    CHECK(
        body(stage.rest(root, "DELETE", "/accounts/a@grid.example")).at("deleted") ==
        "a@grid.example"
    );
    CHECK(code(stage.rest(root, "DELETE", "/accounts/a@grid.example")) == "unknown-account");
    CHECK(stage.rest(root, "GET", "/accounts/a@grid.example").first == 404);
    CHECK(stage.rest(root, "PUT", "/accounts/b@grid.example/groups", "{}").first == 400);
}

TEST_CASE("groups exist when made or used, and are deleted only when nobody uses them") {
    GridStage stage;
    stage.policy("allow group siem subscribe any\n");
    stage.member("probe@grid.example/x", R"(["soc"])");
    CHECK(stage.rest(root, "PUT", "/groups/spare/time", R"({"description":"d"})").first == 200);
    const auto list = body(stage.rest(root, "GET", "/groups")).at("groups").as_array();
    REQUIRE(list.size() == 4);
    CHECK(list[0].at("name") == "administrators");
    CHECK(list[0].at("members") == 1);
    CHECK(list[1].at("name") == "siem");
    CHECK(list[1].at("rules") == 1);
    CHECK(list[2].at("name") == "soc");
    CHECK(list[3].at("name") == "spare/time");
    CHECK(list[3].at("description") == "d");
    CHECK(code(stage.rest(root, "DELETE", "/groups/soc")) == "group-in-use");
    CHECK(code(stage.rest(root, "DELETE", "/groups/siem")) == "group-in-use");
    CHECK(stage.rest(root, "DELETE", "/groups/spare/time").first == 200);
    CHECK(code(stage.rest(root, "DELETE", "/groups/spare/time")) == "unknown-group");
    CHECK(stage.rest(root, "PUT", "/groups/ x").first == 400);
}

TEST_CASE("policy by REST: checked as a whole, versioned, tested for real and imagined clients") {
    GridStage stage;
    stage.member("probe@grid.example/x", R"(["siem"])");
    CHECK(body(stage.rest(root, "GET", "/policy")).at("version") == 0);
    const auto put = [&](const std::string& text, const std::string& more = {}) {
        return stage.rest(
            root, "PUT", "/policy", R"({"text":)" + json::serialize(json::value(text)) + more + "}"
        );
    };
    const auto bad = put("allow any any any\nallow everybody any any\n");
    CHECK(bad.first == 400);
    CHECK(code(bad) == "policy-invalid");
    CHECK(body(bad).at("line") == 2);
    CHECK(body(bad).at("column") == 7);
    CHECK(body(stage.rest(root, "GET", "/policy")).at("version") == 0);
    CHECK(body(put("allow any any any", R"(,"dry_run":true)")).at("dry_run") == true);
    CHECK(body(stage.rest(root, "GET", "/policy")).at("version") == 0);
    CHECK(body(put("allow group siem publish alerts\n")).at("version") == 1);
    CHECK(stage.control.rights_changes == 1);
    const auto shown = body(stage.rest(root, "GET", "/policy"));
    CHECK(shown.at("changed_by") == root);
    CHECK(shown.at("rules") == 1);
    CHECK(code(put("deny any any any", R"(,"expect_version":0)")) == "policy-changed");
    CHECK(put("# none\nallow group siem publish alerts", R"(,"expect_version":1)").first == 200);
    const auto test = [&](const std::string& json_text) {
        return body(stage.rest(root, "POST", "/policy/test", json_text));
    };
    const auto real = test(R"({"client":"probe","topic":"alerts","operation":"publish"})");
    CHECK(real.at("allowed") == true);
    CHECK(real.at("line") == 2);
    CHECK(real.at("rule") == "policy 2, line 2: allow group siem publish alerts");
    const auto nobody = test(R"({"client":"new","topic":"alerts","operation":"publish"})");
    CHECK(nobody.at("allowed") == false);
    CHECK(nobody.at("state") == "init");
    const auto imagined =
        test(R"({"client":"new","groups":["siem"],"topic":"alerts","operation":"publish"})");
    CHECK(imagined.at("allowed") == true);
    CHECK(
        stage.rest(root, "POST", "/policy/test", R"({"client":"x","topic":"t","operation":"fly"})")
            .first == 400
    );
    CHECK(body(stage.rest(root, "POST", "/policy/check", R"({"text":"x"})")).at("ok") == false);
    CHECK(body(stage.rest(root, "POST", "/policy/check", R"({"text":""})")).at("ok") == true);
}

TEST_CASE("a new policy takes effect at once") {
    GridStage stage;
    stage.policy("allow any publish any\n");
    stage.member("probe@grid.example/x", "[]");
    const auto actor = stage.principal("probe@grid.example/x");
    const auto may = [&] {
        return stage.controller().check(actor, grid::pubsub::Right::Publish, "t", "").allowed;
    };
    CHECK(may());
    const auto before = stage.controller().revision();
    REQUIRE(stage.rest(root, "PUT", "/policy", R"({"text":"deny any any any"})").first == 200);
    CHECK_FALSE(may());
    CHECK(stage.controller().revision() != before);
    // A request that was allowed under the old one does not commit under the new one.
    grid::storage::Batch batch;
    stage.controller().record_allowed(
        batch, actor, {grid::pubsub::Deed{grid::pubsub::Right::Publish}}, "t", {true, "x"}
    );
    REQUIRE(stage.rest(root, "PUT", "/policy", R"({"text":"# nothing"})").first == 200);
    CHECK_FALSE(stage.commit(batch));
}

TEST_CASE("topics, sessions and status by REST") {
    GridStage stage;
    stage.policy("allow any any any\n");
    stage.member("maker@grid.example/m", "[]");
    for (const char* name : {"a/b", "Session-1.0"})
        REQUIRE(
            stage
                .sends(
                    "maker@grid.example/m",
                    "<iq xmlns='jabber:client' id='c' type='set' to='pubsub.grid.example'>"
                    "<pubsub xmlns='http://jabber.org/protocol/pubsub'><create node='" +
                        std::string(name) + "'/></pubsub></iq>"
                )
                .attr_or("type", "") == "result"
        );
    const auto topics = body(stage.rest(root, "GET", "/topics")).at("topics").as_array();
    REQUIRE(topics.size() == 2);
    CHECK(topics[0].at("name") == "Session-1.0");
    CHECK(topics[0].at("capability") == "Session");
    CHECK(topics[0].at("version") == "1.0");
    const auto first = body(stage.rest(root, "GET", "/topics", "", "max=1"));
    CHECK(first.at("topics").as_array().size() == 1);
    CHECK(first.at("next") == "Session-1.0");
    const auto topic = body(stage.rest(root, "GET", "/topics/a/b"));
    CHECK(topic.at("providers").at(0).at("jid") == "maker@grid.example");
    CHECK(stage.rest(root, "GET", "/topics/none").first == 404);
    const auto sessions = body(stage.rest(root, "GET", "/sessions", "", "max=1"));
    REQUIRE(sessions.at("sessions").as_array().size() == 1);
    CHECK(sessions.at("sessions").at(0).at("jid") == "root@grid.example/console");
    const std::string next(sessions.at("next").as_string());
    const auto rest = body(stage.rest(root, "GET", "/sessions", "", "after=" + next));
    CHECK(rest.at("sessions").at(0).at("jid") == "maker@grid.example/m");
    CHECK(rest.at("next").is_null());
    CHECK(stage.rest(root, "GET", "/sessions", "", "after=x").first == 400);
    const auto status = body(stage.rest(root, "GET", "/status"));
    CHECK(status.at("topics") == 2);
    CHECK(status.at("accounts").at("enabled") == 2);
    CHECK(status.at("policy").at("version") == 1);
    CHECK(status.at("listeners").at("c2s") == "127.0.0.1:5222");
}

}   // namespace rest_test
