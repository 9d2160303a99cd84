// tests/unit/controller/rest_acts_test.cpp: what administrators do by REST as by ad-hoc commands.
#include <catch2/catch.hpp>

#include "../../grid/grid_stage.hpp"

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
