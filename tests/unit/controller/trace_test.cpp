// tests/unit/controller/trace_test.cpp: why an account did or did not get an item, as the parts of
// a grid decide it.
#include <boost/json.hpp>
#include <catch2/catch.hpp>

#include "../../stories/subtopic_stage.hpp"

namespace trace_test {

using grid::test::GridStage;
using grid::test::SubtopicStage;

namespace {

/// The verdict, and the reason.
std::pair<std::string, std::string> trace(
    GridStage& stage, const std::string& account, const std::string& topic, const std::string& item
) {
    const auto [status, body] = stage.rest(
        "root@grid.example", "GET", "/trace/" + account + "@grid.example/" + topic, "",
        item.empty() ? "" : "item=" + item
    );
    REQUIRE(status == 200);
    const auto answer = boost::json::parse(body);
    return {
        std::string(answer.at("verdict").as_string()), std::string(answer.at("because").as_string())
    };
}

std::string pubsub(const char* type, const std::string& inside) {
    return std::string("<iq xmlns='jabber:client' id='1' type='") + type +
           "' to='pubsub.grid.example'><pubsub xmlns='http://jabber.org/protocol/pubsub'>" +
           inside + "</pubsub></iq>";
}

struct TraceStage : GridStage {
    TraceStage() {
        policy("allow group makers to any on any\nallow group desks to discover, subscribe on a");
        member("maker@grid.example/m", R"(["makers"])");
        member("desk@grid.example/d", R"(["desks"])");
        member("other@grid.example/o", R"(["others"])");
        does("maker@grid.example/m", "<create node='a'/>");
        does("maker@grid.example/m", "<create node='b'/>");
    }
    void does(const char* jid, const std::string& inside) {
        CHECK(sends(jid, pubsub("set", inside)).attr_or("type", "") == "result");
    }
    void publishes(const std::string& item) {
        does(
            "maker@grid.example/m",
            "<publish node='a'><item id='" + item + "'><x xmlns='urn:x'/></item></publish>"
        );
    }
};

}   // namespace

TEST_CASE("a trace names the first condition that is not met") {
    TraceStage stage;
    CHECK(trace(stage, "desk", "a", "").first == "no");
    CHECK(trace(stage, "desk", "a", "").second.find("no subscription") != std::string::npos);
    stage.publishes("early");
    stage.does("desk@grid.example/d", "<subscribe node='a' jid='desk@grid.example'/>");
    CHECK(trace(stage, "desk", "a", "").first == "yes");
    const auto early = trace(stage, "desk", "a", "early");
    CHECK(early.first == "no");
    CHECK(early.second.find("older than the subscription") != std::string::npos);
    CHECK(trace(stage, "desk", "a", "none").second.find("no item 'none'") != std::string::npos);
    CHECK(trace(stage, "desk", "z", "").second.find("no topic 'z'") != std::string::npos);
    CHECK(trace(stage, "nobody", "a", "").second.find("no account") != std::string::npos);
    CHECK(trace(stage, "other", "a", "").second == "default deny");
    stage.publishes("late");
    CHECK(trace(stage, "desk", "a", "late").first == "waits");
    const char* const less = R"({"text": "allow group makers to any on any"})";
    CHECK(stage.rest("root@grid.example", "PUT", "/policy", less).first == 200);
    CHECK(trace(stage, "desk", "a", "").first == "no");
    CHECK(trace(stage, "desk", "a", "late").first == "no");
}

TEST_CASE("a trace asks the filter of a subscription about the payload") {
    SubtopicStage stage;
    stage.provides(SubtopicStage::server_side());
    stage.sends(
        SubtopicStage::maker,
        "<iq xmlns='jabber:client' id='a' type='set' to='pubsub.grid.example'>"
        "<pubsub xmlns='http://jabber.org/protocol/pubsub#owner'><affiliations node='Session-1.0'>"
        "<affiliation jid='reader@grid.example' affiliation='member'/></affiliations></pubsub></iq>"
    );
    stage.sends(
        SubtopicStage::reader,
        SubtopicStage::stock_subscribe("reader@grid.example", "location = 'SJC'")
    );
    for (const auto& [id, place] : {std::pair("in", "SJC"), std::pair("out", "LON")})
        CHECK(
            stage.type_of(
                SubtopicStage::maker,
                SubtopicStage::publish("Session-1.0", id, SubtopicStage::session(place))
            ) == "result"
        );
    CHECK(trace(stage, "reader", "Session-1.0", "").first == "yes");
    CHECK(trace(stage, "reader", "Session-1.0", "in").first == "waits");
    const auto out = trace(stage, "reader", "Session-1.0", "out");
    CHECK(out.first == "no");
    CHECK(out.second.find("no filter") != std::string::npos);
}

TEST_CASE("a trace is for administrators, about an account and a topic") {
    TraceStage stage;
    CHECK(stage.rest("desk@grid.example", "GET", "/trace/desk@grid.example/a").first == 403);
    CHECK(stage.rest("root@grid.example", "GET", "/trace/grid.example/a").first == 400);
    CHECK(stage.rest("root@grid.example", "GET", "/trace/desk@grid.example").first == 404);
    CHECK(stage.rest("root@grid.example", "POST", "/trace/desk@grid.example/a").first == 405);
}

TEST_CASE("a server that makes no backups says so") {
    TraceStage stage;
    CHECK(stage.rest("root@grid.example", "GET", "/backups").second == R"({"backups":[]})");
    CHECK(stage.rest("root@grid.example", "POST", "/backups").first == 409);
    CHECK(stage.rest("root@grid.example", "GET", "/backups/x").first == 409);
}

}   // namespace trace_test
