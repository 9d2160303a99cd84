// tests/unit/controller/scan_test.cpp: a start-up scan gives the memory that was live.
#include <catch2/catch.hpp>
#include <random>

#include "../../stories/grid_stage.hpp"
#include "controller/state.hpp"

namespace scan_test {

using namespace grid::controller;
using grid::test::GridStage;
using grid::test::Node;

TEST_CASE("a start-up scan equals the live state, after random stories") {
    for (unsigned seed = 1; seed <= 8; ++seed) {
        std::mt19937 random(seed);
        const auto below = [&](unsigned n) { return static_cast<unsigned>(random() % n); };
        GridStage stage;
        const std::string root = "root@grid.example";
        stage.administrator(root);
        for (int step = 0; step < 120; ++step) {
            const std::string bare = "p" + std::to_string(below(8)) + "@grid.example";
            const std::string path = "/accounts/" + bare;
            switch (below(11)) {
                case 0:
                    stage.connects(bare + "/x");
                    break;
                case 1:
                    if (stage.principal(bare + "/x").session == 0) break;
                    stage.sends(
                        bare + "/x",
                        "<iq xmlns='jabber:client' id='r' type='set' to='controller.grid.example'>"
                        "<grid xmlns='gi'><AccountQuery xmlns='a'><register/></AccountQuery></grid>"
                        "</iq>"
                    );
                    break;
                case 2:
                    stage.rest(root, "POST", path + "/approve", R"({"groups":["g"]})");
                    break;
                case 3:
                    stage.rest(root, "POST", path + "/decline");
                    break;
                case 4:
                    stage.rest(root, "DELETE", path);
                    break;
                case 5:
                    stage.rest(root, "PUT", path + "/groups", R"({"groups":["h"]})");
                    break;
                case 6:
                    stage.rest(
                        root, "PUT", "/policy",
                        R"({"text":"allow group g any t)" + std::to_string(step) + "\"}"
                    );
                    break;
                case 7:
                    stage.rest(root, "PUT", "/groups/g" + std::to_string(below(3)));
                    break;
                case 8:
                    stage.rest(root, "DELETE", "/groups/g" + std::to_string(below(3)));
                    break;
                case 9:
                    stage.rest(root, "POST", "/accounts", R"({"jid":")" + bare + "\"}");
                    break;
                default:
                    stage.later(10LL * 24 * 3600 * 1000);
            }
        }
        Node fresh(stage.settings, stage.sessions);
        const auto scanned =
            stage.store.scan([&](const grid::storage::KeyChange& change) { fresh.apply(change); });
        REQUIRE(scanned.has_value());
        fresh.controller->scan_finished();
        const auto& live = stage.controller().state_for_admin();
        const auto& read = fresh.controller->state_for_admin();
        CHECK(read.accounts == live.accounts);
        CHECK(read.groups == live.groups);
        CHECK(read.policy.head() == live.policy.head());
        CHECK(read.directory == live.directory);
        CHECK(live.accounts.size() > 1);
        // And what hangs on it: indexes, not only records.
        for (auto state : {AccountState::Pending, AccountState::Enabled, AccountState::Disabled})
            CHECK(read.accounts.count(state) == live.accounts.count(state));
        CHECK(read.accounts.groups() == live.accounts.groups());
    }
}

TEST_CASE("a record that nobody understands gives no rights and keeps its name") {
    GridStage stage;
    stage.administrator("root@grid.example");
    grid::storage::Batch batch;
    batch.put(grid::storage::Family::Control, account_key("x@grid.example"), "\x7fgarbage");
    stage.commit(batch);
    CHECK(stage.admission("x@grid.example").kind == Admission::Kind::Disabled);
    grid::storage::Batch policy;
    policy.put(grid::storage::Family::Control, policy::policy_head_key(), "\x7f");
    stage.commit(policy);
    CHECK(stage.controller().state_for_admin().policy.head().version == 0);
}

TEST_CASE("a policy that does not parse stops the start with its first error") {
    GridStage stage;
    const auto result = stage.controller().bootstrap("allow any any any\nhello\n", {});
    REQUIRE_FALSE(result.has_value());
    CHECK(
        result.error() ==
        "the policy does not parse: line 2, column 1: expected allow or deny, found 'hello'"
    );
    stage.policy("allow any any any\n");
    // Only where there is none yet.
    CHECK(stage.controller().bootstrap("deny any any any\n", {})->empty());
}

}   // namespace scan_test
