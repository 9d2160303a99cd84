// tests/unit/controller/binding_test.cpp: accounts and the certificates that they are bound to.
#include <array>
#include <catch2/catch.hpp>
#include <random>

#include "../../grid/grid_stage.hpp"
#include "controller/accounts/event.hpp"
#include "controller/accounts/transitions.hpp"
#include "controller/state.hpp"

using namespace grid::controller;
using grid::test::GridStage;

namespace {

constexpr const char* probe = "probe@grid.example";
constexpr const char* root = "root@grid.example";

}   // namespace

TEST_CASE("an administrator made on the machine is bound to the first certificate") {
    GridStage stage;
    const auto batches = stage.controller().bootstrap({}, {*grid::xml::Jid::parse(root)});
    REQUIRE(batches.has_value());
    REQUIRE(batches->size() == 1);
    stage.commit(batches->front());
    // Before that, nobody is he.
    grid::pubsub::Principal actor;
    actor.jid = *grid::xml::Jid::parse(root);
    CHECK_FALSE(stage.controller().is_administrator(actor));
    // A mapping rule never yields an administrator.
    Identity mapped = GridStage::identity(root);
    mapped.is_mapped = true;
    CHECK(stage.controller().admit(mapped).kind == Admission::Kind::OtherCertificate);
    REQUIRE(stage.connects("root@grid.example/a", "ca"));
    CHECK_FALSE(stage.connects("root@grid.example/b", "other"));
    CHECK(stage.controller().is_administrator(stage.principal("root@grid.example/a")));
    actor.issuer = "other";
    CHECK_FALSE(stage.controller().is_administrator(actor));
    // A second start finds all in place.
    CHECK(stage.controller().bootstrap({}, {*grid::xml::Jid::parse(root)})->empty());
}

TEST_CASE("two certificates race for an unbound administrator: the loser is refused") {
    GridStage stage;
    stage.commit(stage.controller().bootstrap({}, {*grid::xml::Jid::parse(root)})->front());
    auto first = stage.controller().enrolment(GridStage::identity(root, "ca"));
    auto second = stage.controller().enrolment(GridStage::identity(root, "other"));
    REQUIRE((first && second));
    const auto context = stage.context(grid::pubsub::Principal::system());
    auto one = first->decide(context), two = second->decide(context);
    REQUIRE((one.change() != nullptr && two.change() != nullptr));
    CHECK(stage.commit(one.change()->batch));
    CHECK_FALSE(stage.commit(two.change()->batch));   // it expected the record as it was
    const auto again = second->decide(context);
    REQUIRE(again.error() != nullptr);
    CHECK(again.error()->condition == "conflict");
}

TEST_CASE("a renewed certificate is noted once, and an older one in use beside it changes nothing"
) {
    GridStage stage;
    stage.member("probe@grid.example/x", "[]");
    Identity renewed = GridStage::identity(probe);
    CHECK_FALSE(stage.controller().enrolment(renewed));
    renewed.fingerprint = "f-new";
    renewed.not_before += 1000;
    renewed.not_after += 1000;
    auto enrolment = stage.controller().enrolment(renewed);
    REQUIRE(enrolment);
    auto decision = enrolment->decide(stage.context(grid::pubsub::Principal::system()));
    REQUIRE(decision.change() != nullptr);
    REQUIRE(stage.commit(decision.change()->batch));
    CHECK(stage.controller().state_for_admin().accounts.find(probe)->fingerprint == "f-new");
    CHECK_FALSE(stage.controller().enrolment(GridStage::identity(probe)));
    CHECK(stage.control.sent.empty());
    CHECK(stage.control.closed.empty());
}

TEST_CASE("an administrator cannot lock himself out") {
    GridStage stage;
    stage.administrator(root);
    const std::string own = "/accounts/root@grid.example";
    CHECK(stage.rest(root, "POST", own + "/disable").first == 409);
    CHECK(stage.rest(root, "DELETE", own).first == 409);
    CHECK(stage.rest(root, "PUT", own + "/groups", R"({"groups":["x"]})").first == 409);
    CHECK(
        stage.rest(root, "PUT", own + "/groups", R"({"groups":["x","administrators"]})").first ==
        200
    );
}
