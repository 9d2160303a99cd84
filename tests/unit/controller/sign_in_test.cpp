// tests/unit/controller/sign_in_test.cpp: the decision on a sign-in by password and code: what it
// takes, what it says, and that its work tells nothing.
#include <boost/json.hpp>

#include "../../stories/commands_stage.hpp"
#include "controller/administration/credentials/second_factor_acts.hpp"
#include "controller/credentials/scram.hpp"

namespace sign_in_test {

using namespace grid::controller;
using namespace grid::test;
using administration::SignInAttempt;
namespace json = boost::json;

namespace {

constexpr const char* ann = "ann@grid.example";

struct SignInStage : Commands {
    SignInStage() : Commands(with_passwords()) {
        const std::string body =
            R"({"jid": "ann@grid.example", "groups": ["auditors"], "password": "pencil"})";
        REQUIRE(rest("root@grid.example", "POST", "/accounts", body).first == 201);
        enrol();
    }
    void enrol() {
        const auto made =
            rest("root@grid.example", "PUT", "/accounts/ann@grid.example/second-factor");
        REQUIRE(made.first == 200);
        recovery.clear();
        const json::value answer = json::parse(made.second);
        for (const json::value& code : answer.at("recovery_codes").as_array())
            recovery.emplace_back(code.as_string());
    }
    const State& state() { return controller().state_for_admin(); }
    SignInAttempt attempt(const std::string& code) {
        const Account* account = state().accounts.find(ann);
        return {ann, code, account == nullptr ? "" : account->password, true};
    }
    std::optional<administration::SignIn> tries(const SignInAttempt& attempt) {
        grid::pubsub::Principal actor;
        actor.jid = *grid::xml::Jid::parse(ann);
        actor.origin = grid::pubsub::Origin::Http;
        const auto with = context(actor);
        return administration::sign_in({state(), with}, attempt);
    }
    void does(const char* method, const char* path, const std::string& body = {}) {
        REQUIRE(rest("root@grid.example", method, path, body).first < 300);
    }
    std::vector<std::string> recovery;
};

}   // namespace

TEST_CASE("a code is taken by one sign-in, whichever commits first") {
    SignInStage stage;
    auto one = stage.tries(stage.attempt(stage.recovery.at(0)));
    auto other = stage.tries(stage.attempt(stage.recovery.at(0)));
    REQUIRE(one.has_value());
    REQUIRE(other.has_value());
    CHECK(stage.commit(std::move(one->batch)));
    CHECK_FALSE(stage.commit(std::move(other->batch)));
    CHECK_FALSE(stage.tries(stage.attempt(stage.recovery.at(0))).has_value());
    CHECK(administration::holds(stage.state(), one->who));
}

TEST_CASE("a login to XMPP by password alone has no role where there is a second factor") {
    SignInStage stage;
    grid::pubsub::Principal actor;
    actor.jid = *grid::xml::Jid::parse("ann@grid.example/x");
    actor.issuer = std::string(password_prefix) + stage.attempt("").generation;
    CHECK(stage.state().role_of(actor) == Role::Member);
    actor.origin = grid::pubsub::Origin::Http;   // of the console, where a code was shown
    CHECK(stage.state().role_of(actor) == Role::Auditor);
    actor.origin = grid::pubsub::Origin::Session;
    stage.does("DELETE", "/accounts/ann@grid.example/second-factor");
    CHECK(stage.state().role_of(actor) == Role::Auditor);
}

TEST_CASE("a sign-in is not committed when the account changes meanwhile") {
    SignInStage stage;
    auto made = stage.tries(stage.attempt(stage.recovery.at(0)));
    REQUIRE(made.has_value());
    stage.does("POST", "/accounts/ann@grid.example/disable");
    CHECK_FALSE(stage.commit(std::move(made->batch)));
    CHECK_FALSE(administration::holds(stage.state(), made->who));
}

TEST_CASE("what a sign-in rests on ends it") {
    for (const char* change : {"disable", "groups", "password", "no password", "second-factor"}) {
        CAPTURE(change);
        SignInStage stage;
        auto made = stage.tries(stage.attempt(stage.recovery.at(0)));
        REQUIRE(made.has_value());
        REQUIRE(stage.commit(std::move(made->batch)));
        REQUIRE(administration::holds(stage.state(), made->who));
        const std::string what = change;
        if (what == "disable") stage.does("POST", "/accounts/ann@grid.example/disable");
        if (what == "groups")
            stage.does(
                "PUT", "/accounts/ann@grid.example/groups", R"({"groups": ["administrators"]})"
            );
        if (what == "password")
            stage.does("PUT", "/accounts/ann@grid.example/password", R"({"password": "pencil"})");
        if (what == "no password") stage.does("DELETE", "/accounts/ann@grid.example/password");
        if (what == "second-factor") stage.enrol();
        CHECK_FALSE(administration::holds(stage.state(), made->who));
    }
}

TEST_CASE("the work of a sign-in that is refused tells nothing of the account") {
    SignInStage stage;
    stage.does(
        "POST", "/accounts", R"({"jid": "plain@grid.example", "groups": [], "password": "pencil"})"
    );
    const std::string generation = stage.attempt("").generation;
    const auto work = [&](const SignInAttempt& attempt) {
        const std::uint64_t before = digests_made;
        CHECK_FALSE(stage.tries(attempt).has_value());
        return digests_made - before;
    };
    SecondFactors::of_nobody();   // is made once
    const std::uint64_t known = work({ann, "000000", generation, true});
    CHECK(known > 0);
    CHECK(work({ann, "000000", generation, false}) == known);
    CHECK(work({ann, "000000", "", false}) == known);
    CHECK(work({"nobody@grid.example", "000000", "", false}) == known);
    CHECK(work({"plain@grid.example", "000000", generation, true}) == known);
    CHECK(work({"no address", "000000", "", false}) == known);
}

TEST_CASE("a later account of the name inherits no second factor") {
    SignInStage stage;
    const std::vector<std::string> codes = stage.recovery;
    stage.does("DELETE", "/accounts/ann@grid.example");
    CHECK(stage.state().second_factors.at(ann) == nullptr);
    stage.later(1'000);
    REQUIRE(
        stage
            .rest(
                "root@grid.example", "POST", "/accounts",
                R"({"jid": "ann@grid.example", "groups": ["auditors"], "password": "pencil"})"
            )
            .first == 201
    );
    CHECK_FALSE(stage.tries(stage.attempt(codes.at(1))).has_value());
}

}   // namespace sign_in_test
