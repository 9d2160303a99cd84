// tests/stories/switch_subtopics_test.cpp: a disabled topic takes its subtopics along (S82).
#include <catch2/catch.hpp>

#include "subtopic_stage.hpp"

namespace switch_subtopics_test {

using grid::test::SubtopicStage;

namespace {

class Switch : public SubtopicStage {
public:
    Switch() {
        REQUIRE(provides().attr_or("type", "") == "result");
        name = subtopic(reader, filter);
        REQUIRE(type_of(maker, publish(name, "a", session("SJC"))) == "result");
    }
    int set_enabled(bool is_enabled, const std::string& which = topic) {
        return rest(
                   "root@grid.example", "PUT", "/topics/" + which,
                   is_enabled ? R"({"enabled": true})" : R"({"enabled": false})"
        )
            .first;
    }
    std::string items(const std::string& of) {
        return pubsub_iq("<items node='" + of + "'/>", "get");
    }
    std::string subscribe(const std::string& to, const char* bare) {
        return pubsub_iq("<subscribe node='" + to + "' jid='" + bare + "'/>");
    }
    const std::string filter = "location = 'SJC'";
    std::string name;
};

}   // namespace

TEST_CASE_METHOD(
    Switch,
    "S82: a disabled topic takes no publish, subscription or retrieval at subtopics",
    "[grid]"
) {
    REQUIRE(set_enabled(false) == 200);
    CHECK(refusal(maker, publish(name, "b", session("SJC"))) == "cancel not-allowed");
    CHECK(
        refusal(maker, pubsub_iq("<retract node='" + name + "'><item id='a'/></retract>")) ==
        "cancel not-allowed"
    );
    for (const std::string& where : {name, std::string("Session-1.0#subtopics")})
        CHECK(refusal(maker, subscribe(where, "maker@grid.example")) == "cancel not-allowed");
    CHECK(refusal(reader, items(name)) == "cancel not-allowed");
    // By filter: a subtopic that is there, and one that is not.
    for (const char* dialect : {"xgrid", "gi"})
        for (const std::string& text : {filter, std::string("location = 'LON'")})
            CHECK(
                refusal(other, grid_iq(subscribe_request(text), dialect)) == "cancel not-allowed"
            );
    CHECK(refusal(maker, stock_subscribe("maker@grid.example", filter)) == "cancel not-allowed");
    CHECK(subtopics().size() == 1);
    CHECK_FALSE(node.broker->node(name)->is_enabled);
    // A subscriber may leave.
    CHECK(type_of(reader, leave_request("<subtopicName>" + name + "</subtopicName>")) == "result");

    REQUIRE(set_enabled(true) == 200);
    CHECK(type_of(maker, publish(name, "b", session("SJC"))) == "result");
    CHECK(type_of(other, grid_iq(subscribe_request(filter))) == "result");
}

TEST_CASE_METHOD(
    Switch,
    "S82: a publish to a subtopic that was decided before the switch does not pass",
    "[grid]"
) {
    const auto iq = grid::test::parse(publish(name, "late", session("SJC")));
    auto prepared =
        node.broker->prepare({grid::xml::IqType::Set, settings.broker, iq.first_child(), {&iq}});
    REQUIRE((prepared && *prepared));
    auto decided = (*prepared)->decide(context(principal(maker)));
    REQUIRE(decided.change() != nullptr);
    REQUIRE(set_enabled(false) == 200);
    CHECK_FALSE(commit(std::move(decided.change()->batch)));
    CHECK((*prepared)->decide(context(principal(maker))).error()->condition == "not-allowed");
}

TEST_CASE_METHOD(Switch, "S82: a subtopic is not switched by itself", "[grid]") {
    const auto revision = store.status().revision;
    CHECK(set_enabled(false, name) == 400);
    CHECK(store.status().revision == revision);
    CHECK(node.broker->node(name)->is_enabled);
}

}   // namespace switch_subtopics_test
