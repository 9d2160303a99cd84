// tests/stories/serving_test.cpp: the right to serve a name; and subtopics, which are asked about
// in their topic's name.
#include <boost/json.hpp>
#include <catch2/catch.hpp>

#include "subtopic_stage.hpp"
#include "xml/writer.hpp"

namespace serving_test {

using grid::test::GridStage;
using grid::test::SubtopicStage;

namespace {

constexpr const char* maker = "maker@grid.example/m";
constexpr const char* reader = "reader@grid.example/r";

std::string gi(const std::string& service, const std::string& method) {
    return SubtopicStage::grid_iq(
        "<" + service + " xmlns='com.domain.gi.gcl.controller'>" + method + "</" + service + ">",
        "gi"
    );
}
std::string find(const std::string& name) {
    return gi("DiscoveryQuery", "<find><param>" + name + "</param></find>");
}
std::string describe(const std::string& topic) {
    return gi("DiscoveryQuery", "<describe><param>" + topic + "</param></describe>");
}
std::string declare(const std::string& topic, const std::string& name) {
    return SubtopicStage::grid_iq(
        "<initPublishRequest><capability><name>" + topic + "</name></capability><query name='" +
        name + "'/></initPublishRequest>"
    );
}
std::string authorized(const std::string& service, const std::string& topic = "") {
    return gi(
        "AuthorizationQuery",
        "<isAuthorized><param name='identity'>reader@grid.example</param><param name='service'>" +
            service + "</param>" +
            (topic.empty() ? "" : "<param name='topic'>" + topic + "</param>") + "</isAuthorized>"
    );
}

/// The condition, or "result".
std::string outcome(GridStage& stage, const char* who, const std::string& iq) {
    const auto answer = stage.sends(who, iq);
    const auto* error = answer.child("error");
    return error == nullptr ? "result" : std::string(error->first_child()->name());
}
std::string text_of(GridStage& stage, const char* who, const std::string& iq) {
    const auto answer = stage.sends(who, iq);
    const auto* error = answer.child("error");
    return error == nullptr ? "" : error->child_any_ns("text")->text();
}

void change_policy(GridStage& stage, const std::string& text) {
    const boost::json::object body{{"text", text}};
    REQUIRE(
        stage.rest("root@grid.example", "PUT", "/policy", boost::json::serialize(body)).first == 200
    );
}

}   // namespace

TEST_CASE("found A6: a name is served by whom the policy lets publish under it", "[grid]") {
    const std::string reading = "allow client reader discover, query any\n";
    struct Row {
        const char* policy;
        bool is_taken;
    };
    for (const auto& [text, is_taken] :
         {// A right to topics is none to names.
          Row{"allow client maker discover,create,publish m/*\n", false},
          Row{"allow client maker discover,create,publish m/*\n"
              "allow client maker publish on service Q\n",
              true},
          Row{"allow client maker discover,create,publish m/*\n"
              "allow client maker publish on service R\n",
              false},
          // A topic that is called so is as good as a service of that name.
          Row{"allow client maker discover,create,publish m/*, Q\n", true},
          Row{"allow client maker discover,create,publish any\n", true},
          // A rule that speaks of both decides for that topic.
          Row{"allow client maker publish m/* service Q\n"
              "allow client maker discover,create,publish m/*\n",
              true},
          Row{"allow client maker publish n/* service Q\n"
              "allow client maker discover,create,publish m/*\n",
              false},
          Row{"deny client maker publish m/* service Q\nallow client maker any any\n", false},
          Row{"deny any publish service Q\nallow client maker any any\n", false},
          Row{"deny any publish any service *\nallow client maker any any\n", false}
         }) {
        CAPTURE(text);
        GridStage stage;
        stage.policy(reading + text);
        stage.member(maker, "[]");
        stage.member(reader, "[]");
        CHECK(
            outcome(stage, maker, declare("m/x-1.0", "Q")) == (is_taken ? "result" : "forbidden")
        );
        CHECK(outcome(stage, reader, find("Q")) == (is_taken ? "result" : "item-not-found"));
        CHECK(outcome(stage, maker, authorized("Q")) == (is_taken ? "result" : "forbidden"));
        // A declaration counts no more when the right is gone.
        change_policy(stage, reading + "allow client maker discover,create,publish m/*\n");
        CHECK(outcome(stage, reader, find("Q")) == "item-not-found");
        CHECK(outcome(stage, maker, authorized("Q")) == "forbidden");
        if (!is_taken) continue;
        const auto described = stage.sends(reader, describe("m/x-1.0"));
        REQUIRE(described.attr_or("type", "") == "result");
        CHECK(grid::xml::to_string(described).find("<query") == std::string::npos);
    }
}

TEST_CASE("found A6: a query goes by a service's name only to whom may serve it", "[grid]") {
    constexpr const char* other = "other@grid.example/o";
    GridStage stage;
    stage.policy(
        "allow client maker discover,create,publish on Q-1.0\n"
        "allow client other discover,create,publish on other/*\n"
        "allow client reader query on service Q*\n"
    );
    for (const char* who : {maker, other, reader}) stage.member(who, "[]");
    REQUIRE(outcome(stage, maker, declare("Q-1.0", "Q-1.0")) == "result");
    REQUIRE(outcome(stage, other, declare("other/x-1.0", "other/x-1.0")) == "result");
    const auto question = grid::test::parse("<ask xmlns='Q'/>");
    const auto refused = [&](const char* to) {
        const auto error = stage.controller().refuse_query(
            stage.principal(reader), *grid::xml::Jid::parse(to), question
        );
        return error ? error->condition : "";
    };
    CHECK(refused(maker) == "");
    // A client that cannot see what the other one provides is not told that it is there.
    CHECK(refused(other) == "service-unavailable");
    change_policy(
        stage,
        "allow client other discover,create,publish on other/*\n"
        "allow client other publish on service Q.ask\n"
        "allow client reader query on service Q*\n"
    );
    // The right came to the one and went from the other.
    CHECK(refused(other) == "");
    CHECK(refused(maker) == "service-unavailable");
}

TEST_CASE("found A6: a refused name is said, with what would let it be served", "[grid]") {
    GridStage stage;
    stage.policy("allow client maker discover,create,publish m/*\n");
    stage.member(maker, "[]");
    CHECK(
        text_of(stage, maker, declare("m/x-1.0", "Q")) ==
        "the policy does not let this account serve 'Q': it needs publish under service Q"
    );
    CHECK_FALSE(stage.node.broker->node("m/x-1.0"));
}

TEST_CASE("found A6: a capability's own name is its topic's business", "[grid]") {
    GridStage stage;
    stage.policy(
        "allow client maker discover,create,publish on Q-1.0\n"
        "allow client reader discover,query on service Q\n"
    );
    stage.member(maker, "[]");
    stage.member(reader, "[]");
    CHECK(outcome(stage, maker, declare("Q-1.0", "Q-1.0")) == "result");
    CHECK(outcome(stage, reader, find("Q")) == "result");
    CHECK(outcome(stage, maker, authorized("Q")) == "result");
}

TEST_CASE_METHOD(
    SubtopicStage, "found A17: of a subtopic the Grid protocol asks in its topic's name", "[grid]"
) {
    provides();
    const std::string there = subtopic(reader, "location = 'SJC'");
    const std::string absent = "Session-1.0/0123456789abcdef";
    REQUIRE(there.starts_with("Session-1.0/"));
    change_policy(*this, "deny client other any Session-1.0\nallow any any any\n");
    CHECK(outcome(*this, reader, describe(there)) == "result");
    for (const auto& ask : {describe, find}) {
        for (const std::string& name : {there, absent, std::string("Session-1.0")})
            CHECK(outcome(*this, other, ask(name)) == "item-not-found");
        std::string said = text_of(*this, other, ask(there));
        REQUIRE(said.find(there) != std::string::npos);
        said.replace(said.find(there), there.size(), absent);
        CHECK(said == text_of(*this, other, ask(absent)));
    }
    const auto subscribe = [](const std::string& name) {
        return grid_iq(
            "<subscribeRequest><capability><name>" + name +
            "</name></capability></subscribeRequest>"
        );
    };
    CHECK(outcome(*this, other, subscribe(there)) == "item-not-found");
    // The name is the broker's, whether there is such a subtopic or not.
    for (const std::string& name : {there, absent})
        CHECK(outcome(*this, other, declare(name, name)) == "not-allowed");
}

TEST_CASE_METHOD(
    SubtopicStage, "found M19: who provides a topic may ask about its subtopics", "[grid]"
) {
    provides();
    const std::string name = subtopic(reader, "location = 'SJC'");
    CHECK(outcome(*this, maker, authorized("Session-1.0", name)) == "result");
    CHECK(outcome(*this, maker, authorized("Session", name)) == "result");
    CHECK(outcome(*this, reader, authorized("Session-1.0", name)) == "forbidden");
    CHECK(outcome(*this, maker, authorized("Session-1.0", "Other-1.0")) == "forbidden");
}

}   // namespace serving_test
