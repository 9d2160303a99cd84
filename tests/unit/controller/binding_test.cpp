// tests/unit/controller/binding_test.cpp: accounts and the certificates that they are bound to.
#include <array>
#include <catch2/catch.hpp>
#include <random>

#include "../../stories/grid_stage.hpp"
#include "controller/accounts/account_machine.hpp"
#include "controller/accounts/event.hpp"
#include "controller/state.hpp"

namespace binding_test {

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
    CHECK_FALSE(stage.commit(two.change()->batch));   // the batch expected the record as it was
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

namespace {

const std::string first_ca(64, 'a'), second_ca(64, 'b'), third_ca(64, 'c');

/// A certificate of probe by way of these CAs, the issuer first and the anchor last.
Identity by(std::initializer_list<std::string> authorities, const std::string& of = probe) {
    Identity identity = GridStage::identity(of, *(authorities.end() - 1));
    int serial = 0;
    for (const std::string& key : authorities)
        identity.path.push_back(key + ":0" + std::to_string(++serial));
    return identity;
}

const Account* account_of(GridStage& stage, const std::string& jid = probe) {
    return stage.controller().state_for_admin().accounts.find(jid);
}

bool enters(GridStage& stage, const Identity& identity) {
    return stage.controller().admit(identity).kind == Admission::Kind::Enter;
}

std::pair<int, std::string> rebind(GridStage& stage, const std::string& body) {
    return stage.rest(root, "POST", "/accounts/probe@grid.example/rebind", body);
}

}   // namespace

TEST_CASE("found 34: any CA of the path to which an account is bound will do") {
    GridStage stage;
    stage.administrator(root);
    REQUIRE(stage.rest(root, "POST", "/accounts", R"({"jid":"probe@grid.example"})").first == 201);
    REQUIRE(stage.connects_as("probe@grid.example/x", by({first_ca})));   // the intermediate alone
    CHECK(account_of(stage)->anchor == first_ca);
    // The account was bound to the intermediate's root, too.
    CHECK(enters(stage, by({first_ca, second_ca})));
    CHECK(enters(stage, by({first_ca})));
    CHECK_FALSE(enters(stage, by({third_ca, second_ca})));   // another one below that root
    // A certificate by way of the root does not make the root one of the account's.
    auto renewed = by({first_ca, second_ca});
    renewed.not_before += 1000;
    REQUIRE(stage.connects_as("probe@grid.example/y", renewed));
    CHECK(account_of(stage)->other_anchors.empty());
    CHECK_FALSE(enters(stage, by({second_ca})));
}

TEST_CASE("found 34: an account that came by a root is bound to what is below it, too") {
    GridStage stage;
    stage.administrator(root);
    REQUIRE(stage.rest(root, "POST", "/accounts", R"({"jid":"probe@grid.example"})").first == 201);
    REQUIRE(stage.connects_as("probe@grid.example/x", by({first_ca, second_ca})));
    CHECK(account_of(stage)->anchor == second_ca);
    CHECK(account_of(stage)->other_anchors == Groups{first_ca});
    CHECK(enters(stage, by({first_ca})));              // the intermediate alone
    CHECK(enters(stage, by({third_ca, second_ca})));   // as ever: the root answers for it
    auto crossed = by({third_ca});
    CHECK_FALSE(enters(stage, crossed));
    crossed.other_authorities = {second_ca};
    CHECK(enters(stage, crossed));
    // The account's rights hang on the binding as well.
    grid::pubsub::Principal actor = stage.principal("probe@grid.example/x");
    actor.issuer = third_ca + " " + second_ca;
    CHECK(stage.controller().state(actor) == AccountState::Enabled);
    actor.issuer = third_ca;
    CHECK(stage.controller().state(actor) == AccountState::Init);
}

TEST_CASE("found 34: an account is moved to another CA, and what the old one opened ends") {
    GridStage stage;
    stage.administrator(root);
    REQUIRE(stage.rest(root, "POST", "/accounts", R"({"jid":"probe@grid.example"})").first == 201);
    REQUIRE(stage.connects_as("probe@grid.example/x", by({first_ca})));
    REQUIRE(
        stage
            .rest(
                root, "PATCH", "/accounts/probe@grid.example",
                R"({"key_pin":")" + std::string(64, '1') + R"("})"
            )
            .first == 200
    );
    CHECK(rebind(stage, R"({"ca":"short"})").first == 400);
    CHECK(rebind(stage, R"({"ca":")" + second_ca + R"(","keep":true})").first == 200);
    stage.control.closed.clear();
    CHECK(account_of(stage)->anchor == first_ca);
    CHECK(account_of(stage)->other_anchors == Groups{second_ca});
    CHECK(rebind(stage, R"({"ca":")" + third_ca + R"("})").first == 200);
    CHECK(account_of(stage)->anchor == third_ca);
    CHECK(account_of(stage)->other_anchors.empty());
    CHECK(account_of(stage)->key_pin.empty());
    CHECK(account_of(stage)->fingerprint.empty());
    CHECK(stage.control.closed.size() == 1);
    CHECK_FALSE(enters(stage, by({first_ca})));
    REQUIRE(stage.connects_as("probe@grid.example/z", by({third_ca})));
    CHECK(account_of(stage)->fingerprint == "f-probe@grid.example");
    CHECK(
        stage
            .rest(
                root, "POST", "/accounts/nobody@grid.example/rebind",
                R"({"ca":")" + third_ca + R"("})"
            )
            .first == 404
    );
}

TEST_CASE("found 34: one who waits is moved too, and gives its place back") {
    GridStage stage;
    stage.administrator(root);
    REQUIRE(stage.connects_as("probe@grid.example/x", by({first_ca})));
    stage.sends(
        "probe@grid.example/x",
        "<iq xmlns='jabber:client' type='set' id='r' to='controller.grid.example'>"
        "<grid xmlns='gi' type='request'><AccountQuery "
        "xmlns='com.domain.gi.gcl.controller'><register/></AccountQuery></grid></iq>"
    );
    REQUIRE(account_of(stage)->state == AccountState::Pending);
    const auto& slots = stage.controller().state_for_admin().accounts.slots();
    CHECK(slots.taken(first_ca) == 1);
    CHECK(rebind(stage, R"({"ca":")" + second_ca + R"("})").first == 200);
    CHECK(slots.taken(first_ca) == 0);
    CHECK(account_of(stage)->state == AccountState::Pending);
    CHECK(stage.rest(root, "POST", "/accounts/probe@grid.example/approve").first == 200);
    CHECK(enters(stage, by({second_ca})));
}

TEST_CASE("found 34: all accounts of a CA are moved in parts, or the administrators among them") {
    GridStage stage;
    stage.administrator(root);
    for (int i = 0; i < 70; ++i) {
        const std::string name = "n" + std::to_string(i) + "@grid.example";
        REQUIRE(stage.rest(root, "POST", "/accounts", R"({"jid":")" + name + R"("})").first == 201);
        REQUIRE(stage.connects_as(name + "/x", by({i < 60 ? first_ca : third_ca}, name)));
    }
    const std::string wanted = R"({"ca":")" + second_ca + R"(","from":")" + first_ca + R"(")";
    const auto one = stage.rest(root, "POST", "/rebind", wanted + "}");
    REQUIRE(one.first == 200);
    const auto at = one.second.find(R"("next":")");
    REQUIRE(at != std::string::npos);
    const auto next = one.second.substr(at + 8, one.second.find('"', at + 8) - at - 8);
    const auto two = stage.rest(root, "POST", "/rebind", wanted + R"(,"after":")" + next + R"("})");
    CHECK(two.second.find(R"("next":null)") != std::string::npos);
    for (int i = 0; i < 70; ++i)
        CHECK(
            account_of(stage, "n" + std::to_string(i) + "@grid.example")->anchor ==
            (i < 60 ? second_ca : third_ca)
        );
    CHECK(account_of(stage, root)->anchor == "ca");
    CHECK(stage.rest(root, "POST", "/rebind", R"({"ca":")" + second_ca + R"("})").first == 400);
    CHECK(
        stage.rest(root, "POST", "/rebind", R"({"ca":")" + third_ca + R"(","administrators":true})")
            .first == 200
    );
    CHECK(account_of(stage, root)->anchor == third_ca);
    CHECK(account_of(stage, "n0@grid.example")->anchor == second_ca);
}

TEST_CASE("found 34: on the machine an administrator is bound to another CA, once") {
    GridStage stage;
    stage.administrator(root);
    const std::vector wanted{std::pair(*grid::xml::Jid::parse(root), second_ca)};
    auto first = stage.controller().rebind(wanted);
    REQUIRE(first.batches.size() == 1);
    CHECK(stage.commit(first.batches.front()));
    CHECK(account_of(stage, root)->anchor == second_ca);
    CHECK(stage.controller().rebind(wanted).batches.empty());
    const auto unknown =
        stage.controller().rebind({{*grid::xml::Jid::parse("no@grid.example"), second_ca}});
    CHECK(unknown.batches.empty());
    CHECK(unknown.problems.size() == 1);
}

}   // namespace binding_test
