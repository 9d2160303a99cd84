// tests/unit/controller/conditions_test.cpp: changes by REST on condition that nobody was faster.
#include <boost/json.hpp>

#include "../../stories/commands_stage.hpp"
#include "controller/rest/conditions.hpp"

namespace conditions_test {

using namespace grid::controller;
using namespace grid::test;
namespace json = boost::json;

namespace {

constexpr const char* admin = "root@grid.example";

struct Tagged : Commands {
    /// The ETag of a GET.
    std::string tag(const std::string& path) {
        rest(admin, "GET", path);
        const std::string head = "ETag: ";
        REQUIRE(headers.starts_with(head));
        return headers.substr(head.size(), headers.size() - head.size() - 2);
    }
    int changes(
        const std::string& condition,
        const std::string& method,
        const std::string& path,
        const std::string& body = {}
    ) {
        if_match = condition;
        const int status = rest(admin, method, path, body).first;
        if_match.clear();
        return status;
    }
};

}   // namespace

TEST_CASE("If-Match is a list of tags, or a star") {
    using rest::names_tag;
    CHECK(names_tag("*", "\"a\"") == true);
    CHECK(names_tag(" * ", "") == false);
    CHECK(names_tag("\"a\"", "\"a\"") == true);
    CHECK(names_tag("\"b\", \"a\"", "\"a\"") == true);
    CHECK(names_tag("\"b\",\"c\"", "\"a\"") == false);
    CHECK(names_tag("W/\"a\"", "\"a\"") == false);   // weak tags say nothing here
    CHECK(names_tag("W/\"a\"", "\"a\"", rest::TagsAre::Weak) == true);
    CHECK(names_tag("\"a,b\"", "\"a,b\"") == true);
    for (const char* wrong :
         {"", "a", "\"a", "a\"", "\"a\" \"b\"", "\"a\",", ",", "W/", "*, \"a\""})
        CHECK_FALSE(names_tag(wrong, "\"a\"").has_value());
}

TEST_CASE_METHOD(Tagged, "what changed meanwhile is not overwritten") {
    make_topic("alerts");
    REQUIRE(rest(admin, "PUT", "/groups/staff", R"({"description": "us"})").first == 200);
    REQUIRE(rest(admin, "PUT", "/motd", R"({"text": "morning"})").first == 200);
    REQUIRE(rest(admin, "PUT", "/welcome", R"({"text": "welcome"})").first == 200);
    struct Row {
        const char *read, *method, *path, *body, *other;
    };
    const Row rows[]{
        {"/accounts/probe@grid.example", "PATCH", "/accounts/probe@grid.example",
         R"({"description": "a"})", R"({"description": "b"})"},
        {"/accounts/probe@grid.example", "PUT", "/accounts/probe@grid.example/groups",
         R"({"groups": ["a"]})", R"({"groups": ["b"]})"},
        {"/policy", "PUT", "/policy", R"({"text": "allow any any any\n# a"})",
         R"({"text": "allow any any any\n# b"})"},
        {"/settings", "PUT", "/settings", R"({"default_groups": ["a"]})",
         R"({"default_groups": ["b"]})"},
        {"/motd", "PUT", "/motd", R"({"text": "noon"})", R"({"text": "night"})"},
        {"/welcome", "PUT", "/welcome", R"({"text": "a"})", R"({"text": "b"})"},
        {"/topics/alerts", "PUT", "/topics/alerts", R"({"enabled": false})", R"({"enabled": true})"
        },
    };
    for (const Row& row : rows) {
        CAPTURE(row.method, row.path);
        const std::string seen = tag(row.read);
        CHECK(changes(seen, row.method, row.path, row.body) == 200);
        CHECK(tag(row.read) != seen);
        CHECK(changes(seen, row.method, row.path, row.other) == 412);
        CHECK(changes("\"x\", " + tag(row.read), row.method, row.path, row.other) == 200);
        CHECK(changes("nonsense", row.method, row.path, row.body) == 400);
        CHECK(changes("*", row.method, row.path, row.body) == 200);
    }
    CHECK(changes("*", "PUT", "/groups/fresh", R"({"description": ""})") == 412);
    CHECK(changes("\"x\"", "DELETE", "/groups/staff") == 412);
    CHECK(changes("\"x\"", "DELETE", "/accounts/none@grid.example") == 404);
}

TEST_CASE_METHOD(Tagged, "what a client has already is not sent again") {
    REQUIRE(rest(admin, "PUT", "/policy", R"({"text": "allow any any any"})").first == 200);
    const std::string seen = tag("/policy");
    for (const std::string& known : {seen, "W/" + seen, "\"x\", " + seen, std::string("*")}) {
        CAPTURE(known);
        if_none_match = known;
        const auto answer = rest(admin, "GET", "/policy");
        CHECK(answer == std::pair(304, std::string()));
        CHECK(headers == "ETag: " + seen + "\r\n");
    }
    for (const char* other : {"\"x\"", "nonsense"}) {
        if_none_match = other;
        CHECK(rest(admin, "GET", "/policy").first == 200);
    }
    if_none_match = seen;
    CHECK(rest(admin, "GET", "/status").first == 200);   // has no tag
    CHECK(rest(admin, "GET", "/accounts/none@grid.example").first == 404);
    REQUIRE(rest(admin, "PUT", "/policy", R"({"text": "deny any any any"})").first == 200);
    CHECK(rest(admin, "GET", "/policy").first == 200);
}

TEST_CASE_METHOD(Tagged, "what replaces a whole needs a condition") {
    const auto unconditional = [&](const char* path, const char* body) {
        Rest rest(controller(), *node.broker, sessions, server);
        auto prepared = rest.prepare({"PUT", path, "", body});
        REQUIRE(prepared.has_value());
        grid::pubsub::Principal actor;
        actor.jid = *grid::xml::Jid::parse(admin);
        actor.origin = grid::pubsub::Origin::Http;
        actor.issuer = "ca";
        const HttpDecision decision = prepared->decide(context(actor));
        return decision.reply() == nullptr ? 200 : decision.reply()->status;
    };
    CHECK(unconditional("/policy", R"({"text": "deny any any any"})") == 428);
    CHECK(unconditional("/policy", R"({"text": "deny any any any", "dry_run": true})") == 200);
    CHECK(unconditional("/policy", R"({"text": "deny any any any", "expect_version": 1})") == 200);
    CHECK(unconditional("/policy", R"({"text": "deny any any any", "expect_version": 9})") == 409);
    CHECK(unconditional("/administrators", R"({"administrators": ["root@grid.example"]})") == 428);
}

}   // namespace conditions_test
