// tests/unit/controller/rest_acts_test.cpp: the acts of administrators by REST, which are those
// of the ad-hoc commands.
#include <catch2/catch.hpp>

#include "../../stories/grid_stage.hpp"

namespace rest_acts_test {

using grid::test::GridStage;

TEST_CASE("S82: settings, topics, sessions and announcements by REST are the commands' own acts") {
    GridStage stage;
    stage.policy("allow any any any");
    stage.member("probe@grid.example/x", "[]");
    const auto call = [&](const char* method, const char* path, const char* body = "") {
        return stage.rest("root@grid.example", method, path, body);
    };
    CHECK(
        call("PUT", "/settings", R"({"auto_approve": true, "default_groups": ["new"]})").first ==
        200
    );
    CHECK(
        call("GET", "/settings").second ==
        R"({"auto_approve":true,"default_groups":["new"],)"
        R"("configured":{"auto_approve":false,"default_groups":["everyone"]}})"
    );
    CHECK(call("PUT", "/settings", R"({"auto_approve": "yes"})").first == 400);
    CHECK(call("PUT", "/settings", R"({"default_groups": [""]})").first == 400);
    stage.control = {};
    CHECK(
        call("POST", "/sessions/end", R"({"jid": "probe@grid.example/x"})").second ==
        R"({"ended":1})"
    );
    CHECK(stage.control.closed.size() == 1);
    CHECK(call("POST", "/sessions/end", R"({"jid": "probe@grid.example/y"})").first == 404);
    CHECK(call("POST", "/sessions/end", R"({"jid": "grid.example"})").first == 400);
    CHECK(call("DELETE", "/topics/nothing").first == 404);
    CHECK(
        stage
            .sends(
                "probe@grid.example/x",
                "<iq xmlns='jabber:client' id='n' type='set' to='pubsub.grid.example'>"
                "<pubsub xmlns='http://jabber.org/protocol/pubsub'><create "
                "node='a/b'/></pubsub></iq>"
            )
            .attr_or("type", "") == "result"
    );
    CHECK(call("DELETE", "/topics/a/b").second == R"({"deleted":"a/b"})");
    CHECK(call("DELETE", "/topics/a/b").first == 404);
    CHECK(call("POST", "/announce", R"({"text": "noon"})").first == 200);
    CHECK(call("POST", "/announce", R"({"text": " "})").first == 400);
}

TEST_CASE("a path is split before it is decoded, and nothing is stripped (found A7)") {
    GridStage stage;
    stage.policy("allow any any any");
    stage.member("probe@grid.example/x", "[]");
    const auto call = [&](const char* method, const char* path, const char* body = "") {
        return stage.rest("root@grid.example", method, path, body);
    };
    const std::vector<std::pair<std::string, std::string>> names{
        {"incidents", "incidents"},
        {"incidents/", "incidents%2F"},
        {"/", "%2f"},
        {"a//b", "a//b"},
        {"100% +", "100%25%20+"}
    };
    for (const auto& [name, path] : names)
        CHECK(
            stage
                .sends(
                    "probe@grid.example/x",
                    "<iq xmlns='jabber:client' id='n' type='set' to='pubsub.grid.example'>"
                    "<pubsub xmlns='http://jabber.org/protocol/pubsub'><create node='" +
                        name + "'/></pubsub></iq>"
                )
                .attr_or("type", "") == "result"
        );
    for (const auto& [name, path] : names) {
        const auto shown = call("GET", ("/topics/" + path).c_str());
        CHECK(shown.first == 200);
        CHECK(shown.second.find("\"name\":\"" + name + "\"") != std::string::npos);
    }
    CHECK(call("DELETE", "/topics/incidents/").second == R"({"deleted":"incidents/"})");
    CHECK(call("GET", "/topics/incidents").first == 200);
    CHECK(call("DELETE", "/topics/incidents/").first == 404);
    CHECK(call("GET", "/topics/").second.starts_with(R"({"topics":[)"));   // no name follows
    CHECK(call("GET", "/topics//").second.find(R"("name":"/")") != std::string::npos);
    for (const char* path : {"/topics/%", "/topics/%4", "/topics/%zz"})
        CHECK(call("GET", path).first == 400);
    CHECK(call("PUT", "/groups/a%2Fb").second.find(R"("name":"a/b")") != std::string::npos);
}

TEST_CASE("a name is UTF-8 without control characters where it is made (found A23)") {
    GridStage stage;
    stage.administrator("root@grid.example");
    const auto call = [&](const char* method, const char* path, const char* body = "") {
        return stage.rest("root@grid.example", method, path, body).first;
    };
    for (const char* path : {"%ff%fe", "a%0ab", "a%7f", "%C2%9b", "%00", "%ed%a0%80"})
        CHECK(call("PUT", (std::string("/groups/") + path).c_str()) == 400);
    CHECK(call("PUT", "/groups/b%C3%BCro") == 200);
    CHECK(call("DELETE", "/groups/%ff") == 404);
    CHECK(call("POST", "/accounts", R"({"jid": "x@grid.example", "groups": ["a\u0085"]})") == 400);
}

}   // namespace rest_acts_test
