// tests/unit/controller/search_test.cpp: accounts, topics and sessions by a part of their names.
#include <boost/json.hpp>
#include <catch2/catch.hpp>

#include "../../stories/grid_stage.hpp"
#include "controller/accounts/accounts.hpp"

namespace search_test {

using namespace grid::controller;
using grid::test::GridStage;
namespace json = boost::json;

namespace {

constexpr const char* searcher = "root@grid.example";

struct Listed {
    std::vector<std::string> names;
    std::string next;
};

Listed listed(GridStage& stage, const std::string& list, const std::string& query) {
    const auto answer = stage.rest(searcher, "GET", "/" + list, "", query);
    INFO(answer.second);
    REQUIRE(answer.first == 200);
    const json::value body = json::parse(answer.second);
    Listed found;
    for (const json::value& one : body.at(list).as_array())
        found.names.emplace_back(one.at(list == "accounts" ? "jid" : "name").as_string());
    if (body.at("next").is_string()) found.next = body.at("next").as_string();
    return found;
}

using Names = std::vector<std::string>;

}   // namespace

TEST_CASE("accounts are found by a part of their names, in any case, a page at a time") {
    GridStage stage;
    stage.administrator(searcher);
    for (const char* name : {"alpha-1", "alpha-2", "beta-1", "beta-2"})
        stage.member(std::string(name) + "@grid.example/x", "[]");
    CHECK(
        listed(stage, "accounts", "find=ALPHA").names ==
        Names{"alpha-1@grid.example", "alpha-2@grid.example"}
    );
    CHECK(
        listed(stage, "accounts", "find=-2%40").names ==
        Names{"alpha-2@grid.example", "beta-2@grid.example"}
    );
    const auto first = listed(stage, "accounts", "find=-2%40&max=1");
    CHECK(first.names == Names{"alpha-2@grid.example"});
    CHECK(
        listed(stage, "accounts", "find=-2%40&max=1&after=" + first.next).names ==
        Names{"beta-2@grid.example"}
    );
    CHECK(listed(stage, "accounts", "find=gamma").names.empty());
    CHECK(listed(stage, "accounts", "find=gamma").next.empty());
    CHECK(listed(stage, "accounts", "find=alpha&state=pending").names.empty());
    CHECK(listed(stage, "accounts", "max=5").next.empty());
}

TEST_CASE("a search looks at so many names at one time, and goes on behind them") {
    Accounts accounts;
    std::size_t looks = 0;
    for (int i = 0; i < 25; ++i) {
        Account account;
        account.jid = "a" + std::to_string(100 + i) + "@grid.example";
        account.state = AccountState::Enabled;
        const std::string text = encode(account);
        grid::storage::Record record;
        record.revision = 1;
        record.value = text;
        accounts.apply(account.jid, record);
    }
    std::string after;
    std::vector<std::string> found;
    do {
        const auto page = accounts.search(after, 10, std::nullopt, "24", 10);
        for (const Account* account : page.accounts) found.push_back(account->jid);
        after = page.next;
        ++looks;
    } while (!after.empty());
    CHECK(found == Names{"a124@grid.example"});
    CHECK(looks == 3);
}

TEST_CASE("topics are found by a part of their names, without their subtopics") {
    GridStage stage;
    stage.administrator(searcher);
    stage.policy("allow any any any\n");
    stage.member("maker@grid.example/m", "[]");
    const auto create = [&](const std::string& name) {
        const auto made = stage.sends(
            "maker@grid.example/m",
            "<iq xmlns='jabber:client' type='set' id='c' to='pubsub.grid.example'><pubsub "
            "xmlns='http://jabber.org/protocol/pubsub'><create node='" +
                name + "'/></pubsub></iq>"
        );
        REQUIRE(made.attr_or("type", "") == "result");
    };
    for (const char* name : {"Incidents/ssh", "incidents/web", "weather"}) create(name);
    CHECK(
        listed(stage, "topics", "find=INCIDENTS").names == Names{"Incidents/ssh", "incidents/web"}
    );
    CHECK(listed(stage, "topics", "find=we&max=1").names == Names{"incidents/web"});
    CHECK(listed(stage, "topics", "find=we&max=1&after=incidents%2Fweb").names == Names{"weather"});
    CHECK(listed(stage, "topics", "subtopics=no").names.size() == 3);
    CHECK(stage.rest(searcher, "GET", "/topics", "", "subtopics=x").first == 400);
    CHECK(stage.rest(searcher, "GET", "/topics", "", "subtopics=yes&find=x").first == 400);
}

TEST_CASE("items come newest first, a page at a time, also while some go") {
    GridStage stage;
    stage.administrator(searcher);
    stage.policy("allow any any any\n");
    stage.member("maker@grid.example/m", "[]");
    const auto does = [&](const std::string& request) {
        const auto done = stage.sends(
            "maker@grid.example/m",
            "<iq xmlns='jabber:client' type='set' id='c' to='pubsub.grid.example'><pubsub "
            "xmlns='http://jabber.org/protocol/pubsub'>" +
                request + "</pubsub></iq>"
        );
        REQUIRE(done.attr_or("type", "") == "result");
    };
    for (const char* node : {"alerts", "others"})
        does(
            "<create node='" + std::string(node) +
            "'/><configure><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>"
            "http://jabber.org/protocol/pubsub#node_config</value></field><field "
            "var='pubsub#max_items'><value>10</value></field></x></configure>"
        );
    for (const char* item : {"1", "2", "3", "4", "5"})
        does(
            "<publish node='alerts'><item id='" + std::string(item) +
            "'><x xmlns='urn:x'/></item></publish>"
        );
    const auto page = [&](const std::string& query) {
        const auto answer = stage.rest(searcher, "GET", "/items/alerts", "", query);
        REQUIRE(answer.first == 200);
        const json::value body = json::parse(answer.second);
        Listed found;
        for (const json::value& one : body.at("items").as_array())
            found.names.emplace_back(one.at("id").as_string());
        if (body.at("next").is_string()) found.next = body.at("next").as_string();
        return found;
    };
    CHECK(page("").names == Names{"5", "4", "3", "2", "1"});
    CHECK(page("max=5").next.empty());
    const Listed first = page("max=2");
    CHECK(first.names == Names{"5", "4"});
    const Listed second = page("max=2&after=" + first.next);
    CHECK(second.names == Names{"3", "2"});
    // The item at the cursor goes, and another becomes the newest.
    does("<retract node='alerts'><item id='2'/></retract>");
    does("<publish node='alerts'><item id='3'><x xmlns='urn:x'/></item></publish>");
    const Listed third = page("max=2&after=" + second.next);
    CHECK(third.names == Names{"1"});
    CHECK(third.next.empty());
    for (const std::string wrong : {"zz", "1"})
        CHECK(stage.rest(searcher, "GET", "/items/alerts", "", "after=" + wrong).first == 400);
    CHECK(stage.rest(searcher, "GET", "/items/others", "", "after=" + first.next).first == 400);
}

TEST_CASE("sessions come by id, a page at a time") {
    GridStage stage;
    stage.administrator(searcher);
    stage.member("many@grid.example/x", "[]");
    for (const char* name : {"y", "z"})
        REQUIRE(stage.connects(std::string("many@grid.example/") + name));
    std::vector<std::string> jids;
    std::string after;
    do {
        const auto answer = stage.rest(
            searcher, "GET", "/sessions", "", "max=1" + (after.empty() ? after : "&after=" + after)
        );
        REQUIRE(answer.first == 200);
        const json::value body = json::parse(answer.second);
        for (const json::value& one : body.at("sessions").as_array())
            jids.emplace_back(one.at("jid").as_string());
        after = body.at("next").is_string() ? std::string(body.at("next").as_string()) : "";
    } while (!after.empty());
    CHECK(std::ranges::count_if(jids, [](const std::string& jid) {
              return jid.starts_with("many@");
          }) == 3);
    CHECK(std::set<std::string>(jids.begin(), jids.end()).size() == jids.size());
}

TEST_CASE("events are for administrators, and a wrong wish is refused") {
    GridStage stage;
    stage.administrator(searcher);
    stage.member("probe@grid.example/x", "[]");
    CHECK(stage.rest(searcher, "GET", "/events").first == 200);
    CHECK(stage.rest(searcher, "GET", "/events", "", "kinds=audit,state").first == 200);
    CHECK(stage.rest(searcher, "GET", "/events", "", "kinds=all").first == 400);
    CHECK(stage.rest(searcher, "GET", "/events", "", "after=1").first == 400);
    CHECK(stage.rest("probe@grid.example", "GET", "/events").first == 403);
    CHECK(stage.rest("probe@grid.example", "GET", "/events", "", "kinds=all").first == 403);
}

}   // namespace search_test
