// tests/stories/publisher_only_test.cpp: a provider that may publish and nothing else hears of
// its subtopics all the same (S60, S62; XEP-0248 §5.3.2).
#include <catch2/catch.hpp>

#include "subtopic_stage.hpp"

namespace publisher_only_test {

using namespace grid;
using namespace grid::test;
using Stage = SubtopicStage;

namespace {

constexpr const char* rules =
    "allow client maker discover,create,publish Session-1.0\n"
    "allow client reader discover,subscribe Session-1.0\n";

void sweep(GridStage& stage) {
    for (int i = 0; i < 100 && stage.node.broker->is_sweep_pending(); ++i)
        for (storage::Batch& batch : stage.node.broker->sweep(50)) stage.commit(std::move(batch));
}

std::size_t count(const std::vector<std::string>& messages, const std::string& part) {
    std::size_t found = 0;
    for (const auto& message : messages) found += message.find(part) != std::string::npos ? 1U : 0U;
    return found;
}

}   // namespace

TEST_CASE(
    "S60: who may only publish is told of subtopics by both means, and of no items", "[grid]"
) {
    Stage stage(rules);
    stage.provides();
    sweep(stage);
    CHECK(count(stage.told(Stage::maker), "subscription='none'") == 0);
    stage.forget();
    const auto name = stage.subtopic(Stage::reader, "location = 'SJC'");
    const auto told = stage.told(Stage::maker);
    CHECK(count(told, "action='created'") == 1);
    CHECK(count(told, "<associate node='" + name + "'") == 1);
    stage.forget();
    REQUIRE(
        stage.type_of(Stage::maker, Stage::publish(name, "1", Stage::session("SJC"))) == "result"
    );
    CHECK(count(stage.told(Stage::reader), "<item ") == 1);
    CHECK(count(stage.told(Stage::maker), "<item ") == 0);
    // Of a topic that it may not publish to any more it hears nothing, and the rest goes with it.
    REQUIRE(
        stage
            .rest(
                "root@grid.example", "PUT", "/policy", R"({"text":"allow client reader any any"})"
            )
            .first == 200
    );
    sweep(stage);
    stage.forget();
    stage.subtopic(Stage::reader, "location = 'RTP'");
    CHECK(count(stage.told(Stage::maker), "<associate") == 0);
}

TEST_CASE("S60: the stock twin: a publisher subscribes to the subtopics of its topic", "[grid]") {
    Stage stage(rules);
    stage.provides();
    const std::string leave =
        "<unsubscribe node='Session-1.0#subtopics' jid='maker@grid.example'/>";
    REQUIRE(stage.type_of(Stage::maker, Stage::pubsub_iq(leave)) == "result");
    const std::string join = "<subscribe node='Session-1.0#subtopics' jid='maker@grid.example'/>";
    CHECK(stage.type_of(Stage::maker, Stage::pubsub_iq(join)) == "result");
    // Others need the right to subscribe, publisher of something else or not.
    CHECK(
        stage.type_of(
            Stage::other,
            Stage::pubsub_iq("<subscribe node='Session-1.0#subtopics' jid='other@grid.example'/>")
        ) == "error"
    );
    CHECK(
        stage.type_of(
            Stage::maker,
            Stage::pubsub_iq("<subscribe node='Session-1.0' jid='maker@grid.example'/>")
        ) == "error"
    );
}

}   // namespace publisher_only_test
