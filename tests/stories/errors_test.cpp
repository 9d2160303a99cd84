// tests/stories/errors_test.cpp: each error of the Grid protocol that can happen.
#include <catch2/catch.hpp>

#include "grid_stage.hpp"
#include "requests.hpp"

namespace errors_test {

using grid::test::difference;
using grid::test::GridStage;
using namespace grid::test::requests;

namespace {

constexpr const char* client = "probe@grid.example/x";

}   // namespace

TEST_CASE(
    "S71: malformed: no service, two services, no method, a response, a missing parameter", "[grid]"
) {
    GridStage stage;
    stage.member(client, "[]");
    const std::string expected = error("modify", "bad-request", "malformed-request");
    for (const std::string& bad : {
             iq("<grid xmlns='gi'/>"),
             iq("<grid xmlns='gi'><AccountQuery xmlns='a'><login/></AccountQuery>"
                "<AccountQuery xmlns='a'><login/></AccountQuery></grid>"),
             account_query(""),
             account_query("<login/><logout/>"),
             iq("<grid xmlns='gi' type='response'><AccountQuery xmlns='a'><login/></AccountQuery>"
                "</grid>"),
             find(""),
             xgrid("<initPublishRequest/>"),
             xgrid("<subscribeRequest><capability/></subscribeRequest>"),
             account_query(
                 "<register><param name='description'>" + std::string(2000, 'x') +
                 "</param></register>"
             ),
         })
        CHECK(difference(stage.sends(client, bad), expected) == "");
}

TEST_CASE("S71: unsupported-operation names what nobody implements", "[grid]") {
    GridStage stage;
    stage.policy("allow any any any");
    stage.member(client, "[]");
    const auto expected = [](const std::string& name) {
        return error(
            "cancel", "feature-not-implemented", "unsupported-operation name='" + name + "'"
        );
    };
    CHECK(difference(stage.sends(client, account_query("<dance/>")), expected("dance")) == "");
    CHECK(
        difference(stage.sends(client, xgrid("<danceRequest/>")), expected("danceRequest")) == ""
    );
    CHECK(
        difference(
            stage.sends(
                client, iq("<grid xmlns='gi'><DanceQuery xmlns='a'><waltz/></DanceQuery>"
                           "</grid>")
            ),
            expected("DanceQuery")
        ) == ""
    );
}

TEST_CASE(
    "S43, S83, S85: registration-required: unregistered and pending, at the controller and "
    "elsewhere",
    "[grid]"
) {
    GridStage stage;
    REQUIRE(stage.connects(client));
    const std::string unregistered = error("auth", "registration-required", "account-unregistered");
    CHECK(difference(stage.sends(client, find("x")), unregistered) == "");
    CHECK(difference(stage.sends(client, account_query("<login/>")), unregistered) == "");
    CHECK(
        difference(
            stage.sends(
                client, iq("<pubsub xmlns='http://jabber.org/protocol/pubsub'>"
                           "<create node='n'/></pubsub>",
                           "pubsub.grid.example")
            ),
            error("auth", "registration-required", "")
        ) == ""
    );
    CHECK(stage.sends(client, account_query("<register/>")).attr_or("type", "") == "result");
    const std::string pending = error("auth", "registration-required", "account-pending");
    CHECK(difference(stage.sends(client, find("x")), pending) == "");
    CHECK(difference(stage.sends(client, account_query("<login/>")), pending) == "");
    CHECK(stage.sends(client, account_query("<status/>")).attr_or("type", "") == "result");
    CHECK(stage.sends(client, account_query("<logout/>")).attr_or("type", "") == "result");
}

TEST_CASE("S82: a disabled account is told so, and may do nothing at all", "[grid]") {
    GridStage stage;
    stage.member(client, "[]");
    REQUIRE(
        stage.rest("root@grid.example", "POST", "/accounts/probe@grid.example/disable").first == 200
    );
    // The account's stream is about to close; requests that still arrive are refused.
    const std::string disabled = error("auth", "forbidden", "account-disabled");
    for (const std::string& any :
         {account_query("<login/>"), account_query("<register/>"), account_query("<status/>"),
          find("x")})
        CHECK(difference(stage.sends(client, any), disabled) == "");
    REQUIRE(stage.control.closed.size() == 1);
    CHECK(
        stage.control.closed.front() ==
        std::pair<std::string, std::string>("probe@grid.example", "policy-violation")
    );
    CHECK(
        stage.admission("probe@grid.example").kind == grid::controller::Admission::Kind::Disabled
    );
}

TEST_CASE("S83: not-logged-in where implicit_login is off", "[grid]") {
    auto settings = GridStage::default_settings();
    settings.implicit_login = false;
    GridStage stage(settings);
    stage.policy("allow any discover any");
    stage.member(client, "[]");
    const std::string list = xgrid("<getCapabilityListRequest/>");
    CHECK(
        difference(
            stage.sends(client, list), error("wait", "unexpected-request", "not-logged-in")
        ) == ""
    );
    stage.sends(client, account_query("<login/>"));
    CHECK(stage.sends(client, list).attr_or("type", "") == "result");
    stage.sends(client, account_query("<logout/>"));
    CHECK(stage.sends(client, list).attr_or("type", "") == "error");
}

TEST_CASE("implicit login: the first request of a member logs in", "[grid]") {
    GridStage stage;
    stage.member(client, "[]");
    CHECK_FALSE(stage.sessions.is_active(stage.principal(client).session));
    stage.sends(client, xgrid("<getCapabilityListRequest/>"));
    CHECK(stage.sessions.is_active(stage.principal(client).session));
}

TEST_CASE(
    "S42 username-taken: another certificate that was there first registers second", "[grid]"
) {
    GridStage stage;
    REQUIRE(stage.connects("probe@grid.example/a", "ca"));
    REQUIRE(stage.connects("probe@grid.example/b", "other-ca"));
    CHECK(
        stage.sends("probe@grid.example/a", account_query("<register/>")).attr_or("type", "") ==
        "result"
    );
    CHECK(
        difference(
            stage.sends("probe@grid.example/b", account_query("<register/>")),
            error("cancel", "conflict", "username-taken")
        ) == ""
    );
    // Nor does it gain anything when the account is approved.
    stage.administrator("root@grid.example");
    REQUIRE(
        stage.rest("root@grid.example", "POST", "/accounts/probe@grid.example/approve").first == 200
    );
    CHECK(
        difference(
            stage.sends("probe@grid.example/b", find("x")),
            error("auth", "registration-required", "account-unregistered")
        ) == ""
    );
    CHECK(
        stage.sends("probe@grid.example/a", account_query("<login/>")).attr_or("type", "") ==
        "result"
    );
    CHECK_FALSE(stage.connects("probe@grid.example/c", "other-ca"));
}

TEST_CASE("S34, S56: unknown-capability: find, describe, subscribe", "[grid]") {
    GridStage stage;
    stage.policy("allow any any any");
    stage.member(client, "[]");
    const std::string unknown = error("cancel", "item-not-found", "unknown-capability");
    CHECK(difference(stage.sends(client, find("com.domain.Nothing")), unknown) == "");
    CHECK(
        difference(
            stage.sends(
                client, iq("<grid xmlns='gi'><DiscoveryQuery xmlns='a'><describe>"
                           "<param>No-1.0</param></describe></DiscoveryQuery></grid>")
            ),
            unknown
        ) == ""
    );
    CHECK(
        difference(
            stage.sends(
                client, xgrid("<subscribeRequest><capability><name>No-1.0</name>"
                              "</capability></subscribeRequest>")
            ),
            unknown
        ) == ""
    );
}

TEST_CASE("S40 denied: enabled, but no policy; and the audit has the rule", "[grid]") {
    GridStage stage;
    stage.policy("allow group makers any any\nallow any discover Open-*\n");
    stage.member("maker@grid.example/m", R"(["makers"])");
    stage.member(client, "[]");
    const auto init = [](const std::string& name) {
        return xgrid(
            "<initPublishRequest><capability><name>" + name +
            "</name></capability>"
            "</initPublishRequest>"
        );
    };
    REQUIRE(stage.sends("maker@grid.example/m", init("Open-1.0")).attr_or("type", "") == "result");
    REQUIRE(stage.sends("maker@grid.example/m", init("Shut-1.0")).attr_or("type", "") == "result");
    const std::string denied = error("auth", "forbidden", "denied");
    CHECK(difference(stage.sends(client, init("Open-1.0")), denied) == "");
    CHECK(difference(stage.sends(client, init("New-1.0")), denied) == "");
    // A service that may not be asked about is answered like an absent one.
    CHECK(
        difference(
            stage.sends(client, find("Shut-1.0")),
            error("cancel", "item-not-found", "unknown-capability")
        ) == ""
    );
    CHECK(
        difference(
            stage.sends(
                client, xgrid("<subscribeRequest><capability><name>Open-1.0</name>"
                              "</capability></subscribeRequest>")
            ),
            denied
        ) == ""
    );
    // A topic that may not be discovered is not listed, and described as missing.
    CHECK(
        difference(
            stage.sends(client, xgrid("<getCapabilityListRequest/>")),
            "<iq xmlns='jabber:client' type='result'><grid xmlns='xgrid' type='response'>"
            "<getCapabilityListResponse xmlns='com.domain.gi.grid'><capability><id>0</id>"
            "<name>Open-1.0</name><version>1.0</version></capability>"
            "</getCapabilityListResponse></grid></iq>"
        ) == ""
    );
    // The client is not told which rule; the administrator is.
    stage.later(2'000);
    const auto audit = stage.rest("root@grid.example", "GET", "/audit", "", "decision=deny");
    CHECK(audit.second.find("default deny") != std::string::npos);
    CHECK(audit.second.find("probe@grid.example/x") != std::string::npos);
}

}   // namespace errors_test
