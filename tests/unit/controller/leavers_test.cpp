// tests/unit/controller/leavers_test.cpp: a deleted account's name is nobody's until the broker
// has removed what was left of it.
#include <catch2/catch.hpp>

#include "../../stories/grid_stage.hpp"
#include "controller/state.hpp"
#include "pubsub/model/records.hpp"

namespace leavers_test {

using namespace grid;
using grid::test::GridStage;
using storage::Family;

namespace {

constexpr const char* root = "root@grid.example";
constexpr const char* probe = "probe@grid.example";
const std::string affiliation = pubsub::affiliation_key(42, probe);

/// As at a node where the account is a publisher.
void is_affiliated(GridStage& stage, bool is_there) {
    storage::Batch batch;
    if (is_there)
        batch.put(
            Family::Control, affiliation,
            pubsub::encode(pubsub::AffiliationRecord{pubsub::Affiliation::Publisher, false})
        );
    else
        batch.erase(Family::Control, affiliation);
    REQUIRE(stage.commit(std::move(batch)));
}
std::string registers(GridStage& stage) {
    const auto answer = stage.sends(
        "probe@grid.example/new",
        "<iq xmlns='jabber:client' id='r' type='set' to='controller.grid.example'>"
        "<grid xmlns='gi'><AccountQuery xmlns='com.domain.gi.gcl.controller'><register/>"
        "</AccountQuery></grid></iq>"
    );
    const auto* error = answer.child("error");
    return error ? error->first_child()->name() : "result";
}
bool is_noted(GridStage& stage) {
    return stage.controller().state_for_admin().accounts.leaver(probe) != 0;
}

}   // namespace

TEST_CASE("a name is not given again while its last holder has anything at the broker") {
    GridStage stage;
    stage.administrator(root);
    stage.member("probe@grid.example/old", R"(["everyone"])");
    is_affiliated(stage, true);
    stage.disconnects("probe@grid.example/old");
    REQUIRE(stage.rest(root, "DELETE", "/accounts/probe@grid.example").first == 200);
    CHECK(is_noted(stage));
    CHECK(stage.node.broker->holds_anything_of(probe));
    REQUIRE(stage.connects("probe@grid.example/new", "another-ca"));
    CHECK(registers(stage) == "resource-constraint");
    const auto made = stage.rest(
        root, "POST", "/accounts", R"({"jid":"probe@grid.example","groups":["everyone"]})"
    );
    CHECK(made.first == 429);
    is_affiliated(stage, false);   // background work of the broker did it
    CHECK(registers(stage) == "result");
    CHECK_FALSE(is_noted(stage));   // from now on what is there is the new one's
}

TEST_CASE("a name whose last holder had nothing at the broker is free at once") {
    GridStage stage;
    stage.administrator(root);
    stage.member("probe@grid.example/old", R"(["everyone"])");
    stage.disconnects("probe@grid.example/old");
    REQUIRE(stage.rest(root, "DELETE", "/accounts/probe@grid.example").first == 200);
    REQUIRE(stage.connects("probe@grid.example/new", "another-ca"));
    CHECK(registers(stage) == "result");
    CHECK_FALSE(is_noted(stage));
}

}   // namespace leavers_test
