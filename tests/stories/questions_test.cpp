// tests/stories/questions_test.cpp: find, status, isAuthorized and their stock twins.
#include <catch2/catch.hpp>

#include "grid_stage.hpp"
#include "requests.hpp"

namespace questions_test {

using grid::test::difference;
using grid::test::GridStage;
using namespace grid::test::requests;

namespace {

constexpr const char* client = "probe@grid.example/x";

}   // namespace

TEST_CASE("S34: none online: an empty array, not an error", "[grid]") {
    GridStage stage;
    stage.policy("allow any any any");
    stage.member("ise@grid.example/x", "[]");
    stage.member(client, "[]");
    REQUIRE(
        stage
            .sends(
                "ise@grid.example/x",
                xgrid("<initPublishRequest><capability><name>Session-1.0</name>"
                      "</capability></initPublishRequest>")
            )
            .attr_or("type", "") == "result"
    );
    const auto list = [](const std::string& items) {
        return "<iq xmlns='jabber:client' type='result'><grid xmlns='gi'>"
               "<DiscoveryQuery xmlns='com.domain.gi.gcl.controller'><find xmlns=''><value>" +
               items + "</value></find></DiscoveryQuery></grid></iq>";
    };
    // By topic, and by capability without its version.
    const std::string there = list("<item>ise@grid.example/x</item>");
    CHECK(difference(stage.sends(client, find("Session-1.0")), there) == "");
    CHECK(difference(stage.sends(client, find("Session")), there) == "");
    stage.disconnects("ise@grid.example/x");
    CHECK(difference(stage.sends(client, find("Session-1.0")), list("")) == "");
}

TEST_CASE("S71: status of others is for administrators", "[grid]") {
    GridStage stage;
    stage.member(client, "[]");
    stage.member("other@grid.example/x", "[]");
    const std::string denied = error("auth", "forbidden", "denied");
    const auto of = [](const std::string& name) {
        return account_query("<status><param name='username'>" + name + "</param></status>");
    };
    CHECK(difference(stage.sends(client, of("other")), denied) == "");
    CHECK(difference(stage.sends(client, of("nobody")), denied) == "");
    CHECK(stage.sends(client, of("probe")).attr_or("type", "") == "result");
    CHECK(stage.sends("root@grid.example/console", of("other")).attr_or("type", "") == "result");
    CHECK(
        difference(
            stage.sends("root@grid.example/console", of("nobody")),
            error("cancel", "item-not-found", "")
        ) == ""
    );
}

TEST_CASE(
    "S48, S49, S51: isAuthorized: only a provider may ask, and a denial is a result", "[grid]"
) {
    GridStage stage;
    stage.policy("allow group makers any any\nallow group readers query Session-*\n");
    stage.member("ise@grid.example/x", R"(["makers"])");
    stage.member("asa@grid.example/y", R"(["readers"])");
    stage.member(client, "[]");
    REQUIRE(
        stage
            .sends(
                "ise@grid.example/x",
                xgrid("<initPublishRequest><capability><name>Session-1.0</name>"
                      "</capability><query name='SessionQuery'/></initPublishRequest>")
            )
            .attr_or("type", "") == "result"
    );
    const auto ask = [](const std::string& who) {
        return iq(
            "<grid xmlns='gi'><AuthorizationQuery xmlns='com.domain.gi.gcl.controller'>"
            "<isAuthorized><param name='identity'>" +
            who +
            "</param>"
            "<param name='service'>SessionQuery</param><param name='operation'>query</param>"
            "</isAuthorized></AuthorizationQuery></grid>"
        );
    };
    const auto answer = [](const std::string& value, const std::string& who) {
        return "<iq xmlns='jabber:client' type='result'><grid xmlns='gi'>"
               "<AuthorizationQuery xmlns='com.domain.gi.gcl.controller'><isAuthorized xmlns=''>"
               "<value>" +
               value + "</value>" + (value == "true" ? "<grant>read-only</grant>" : "") +
               "<identity>" + who +
               "</identity><maxAge>60</maxAge></isAuthorized></AuthorizationQuery></grid></iq>";
    };
    CHECK(
        difference(
            stage.sends("ise@grid.example/x", ask("asa@grid.example/y")),
            answer("true", "asa@grid.example")
        ) == ""
    );
    CHECK(
        difference(
            stage.sends("ise@grid.example/x", ask("probe@grid.example/x")),
            answer("false", "probe@grid.example")
        ) == ""
    );
    CHECK(
        difference(
            stage.sends(client, ask("asa@grid.example/y")), error("auth", "forbidden", "denied")
        ) == ""
    );
}

TEST_CASE("S34 stock twins: disco of the controller, of the account, of a service", "[grid]") {
    GridStage stage;
    stage.policy("allow any any any");
    stage.member("ise@grid.example/x", R"(["makers"])");
    const auto disco = [&](const std::string& kind, const std::string& node) {
        return stage.sends(
            "ise@grid.example/x", iq("<query xmlns='http://jabber.org/protocol/disco#" + kind +
                                     "'" + (node.empty() ? "" : " node='" + node + "'") + "/>")
        );
    };
    CHECK(
        difference(
            disco("info", "account"),
            "<iq xmlns='jabber:client' type='result'>"
            "<query xmlns='http://jabber.org/protocol/disco#info' node='account'>"
            "<identity category='account' type='registered'/>"
            "<feature var='http://jabber.org/protocol/disco#info'/>"
            "<x xmlns='jabber:x:data' type='result'><field var='FORM_TYPE' type='hidden'>"
            "<value>com.domain.gi.gcl.controller#account</value></field>"
            "<field var='x-grid#state'><value>enabled</value></field>"
            "<field var='x-grid#group'><value>makers</value></field></x></query></iq>"
        ) == ""
    );
    CHECK(disco("info", "").attr_or("type", "") == "result");
    CHECK(difference(disco("info", "nothing"), error("cancel", "item-not-found", "")) == "");
    REQUIRE(
        stage
            .sends(
                "ise@grid.example/x",
                xgrid("<initPublishRequest><capability><name>S-1.0</name></capability>"
                      "<query name='Q'/></initPublishRequest>")
            )
            .attr_or("type", "") == "result"
    );
    CHECK(
        difference(
            disco("items", "Q"),
            "<iq xmlns='jabber:client' type='result'>"
            "<query xmlns='http://jabber.org/protocol/disco#items' node='Q'>"
            "<item jid='ise@grid.example/x'/></query></iq>"
        ) == ""
    );
}

}   // namespace questions_test
