// tests/stories/planes_test.cpp: the controller decides, the broker carries: topics by schema and
// version, the data path, queries in any namespace, publishes by way of the controller.
#include <algorithm>
#include <catch2/catch.hpp>

#include "grid_stage.hpp"

namespace planes_test {

using grid::test::GridStage;
using grid::test::parse;

namespace {

constexpr const char* ise = "ise@grid.example/a";
constexpr const char* asa = "asa@grid.example/x";
constexpr const char* guest = "guest@grid.example/g";

std::string grid_iq(const std::string& operation, const std::string& dialect) {
    return "<iq xmlns='jabber:client' id='t' type='set' to='controller.grid.example'>"
           "<grid xmlns='" +
           dialect + "' type='request'>" + operation + "</grid></iq>";
}
std::string init(const std::string& topic, const std::string& more = {}) {
    return "<initPublishRequest><capability><name>" + topic + "</name></capability>" + more +
           "</initPublishRequest>";
}
std::string publish_to(const std::string& address, const std::string& topic, const char* id) {
    return "<iq xmlns='jabber:client' id='p' type='set' to='" + address +
           "'><pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='" + topic +
           "'><item id='" + id + "'><session xmlns='urn:s'/></item></publish></pubsub></iq>";
}

class Planes : public GridStage {
public:
    Planes() {
        policy(
            "allow group makers any any\n"
            "allow group readers discover, subscribe, query Session*\n"
            "allow group guests discover any\n"
        );
        member(ise, R"(["makers"])");
        member(asa, R"(["readers"])");
        member(guest, R"(["guests"])");
    }
    std::string condition(const char* who, const std::string& iq) {
        const auto answer = sends(who, iq);
        const auto* error = answer.child_any_ns("error");
        return error == nullptr ? "result" : std::string(error->first_child()->name());
    }
    /// Of a query between clients.
    std::string query(const char* who, const char* to, const std::string& payload) {
        const auto element = parse(payload);
        const auto refused =
            controller().refuse_query(principal(who), *grid::xml::Jid::parse(to), element);
        return refused ? refused->condition : "delivered";
    }
};

}   // namespace

TEST_CASE_METHOD(
    Planes, "S29, S30, S80: the controller knows who authenticated, by which certificate", "[grid]"
) {
    for (const char* who : {ise, asa}) {
        const grid::xml::Jid bare = grid::xml::Jid::parse(who)->bare();
        CHECK(controller().state(bare) == grid::controller::AccountState::Enabled);
        const auto shown = rest("root@grid.example", "GET", "/accounts/" + bare.str()).second;
        CHECK(shown.find("\"issuer\":\"CN=ca\"") != std::string::npos);
        // A certificate of that name from another CA does not speak for the account.
        CHECK(controller().state(principal(who)) == grid::controller::AccountState::Enabled);
        auto stranger = principal(who);
        stranger.issuer = "other";
        CHECK(controller().state(stranger) == grid::controller::AccountState::Init);
    }
}

TEST_CASE_METHOD(
    Planes, "S33, S70, S80: rights come from the controller, items from the broker alone", "[grid]"
) {
    for (const char* dialect : {"gi", "xgrid"}) {
        const std::string topic = std::string("Session-") + (*dialect == 'g' ? "1.0" : "2.0");
        REQUIRE(condition(ise, grid_iq(init(topic), dialect)) == "result");
        const std::string subscribe =
            "<subscribeRequest><topicName>" + topic + "</topicName></subscribeRequest>";
        CHECK(condition(guest, grid_iq(subscribe, dialect)) == "forbidden");
        REQUIRE(condition(asa, grid_iq(subscribe, dialect)) == "result");
        control.sent.clear();
        REQUIRE(condition(ise, publish_to("pubsub.grid.example", topic, "a")) == "result");
        REQUIRE(control.sent.size() == 1);
        CHECK(control.sent.front().message.find("from='pubsub.grid.example'") != std::string::npos);
        const auto audience = node.broker->audience(control.sent.front().what.node);
        REQUIRE(audience.size() == 1);
        CHECK(audience.front().jid.bare().str() == "asa@grid.example");
    }
}

TEST_CASE_METHOD(Planes, "S52, S54, S57: a schema and a version has a topic of its own", "[grid]") {
    const auto schema = [](const std::string& ns) {
        return "<schema namespace='" + ns + "' location='x.xsd'/>";
    };
    REQUIRE(condition(ise, grid_iq(init("Session-1.0", schema("urn:s")), "xgrid")) == "result");
    REQUIRE(condition(ise, grid_iq(init("Session-1.1", schema("urn:s")), "gi")) == "result");
    REQUIRE(condition(ise, grid_iq(init("Posture-1.0", schema("urn:p")), "gi")) == "result");
    const auto list = sends(guest, grid_iq("<getCapabilityListRequest/>", "xgrid"));
    std::vector<std::string> found;
    for (const auto* capability : list.first_child()->first_child()->children())
        found.push_back(
            capability->child_any_ns("name")->text() + " " +
            capability->child_any_ns("version")->text()
        );
    std::ranges::sort(found);
    CHECK(
        found == std::vector<std::string>{"Posture-1.0 1.0", "Session-1.0 1.0", "Session-1.1 1.1"}
    );
    // A topic's payload type, learned from its first item, does not bind another topic.
    REQUIRE(condition(ise, publish_to("pubsub.grid.example", "Session-1.0", "a")) == "result");
    const std::string other =
        "<iq xmlns='jabber:client' id='p' type='set' to='pubsub.grid.example'>"
        "<pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='Posture-1.0'><item>"
        "<posture xmlns='urn:p'/></item></publish></pubsub></iq>";
    CHECK(condition(ise, other) == "result");
    const std::string wrong =
        "<iq xmlns='jabber:client' id='p' type='set' to='pubsub.grid.example'>"
        "<pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='Session-1.0'><item>"
        "<posture xmlns='urn:p'/></item></publish></pubsub></iq>";
    CHECK(condition(ise, wrong) == "bad-request");
}

TEST_CASE_METHOD(
    Planes,
    "S71, S72: queries pass in namespaces of their own, where the policy lets them",
    "[grid]"
) {
    const std::string declared = "<query name='com.domain.ise.session.SessionQuery'/>";
    REQUIRE(condition(ise, grid_iq(init("Session-1.0", declared), "xgrid")) == "result");
    REQUIRE(condition(ise, grid_iq(init("Posture-1.0"), "xgrid")) == "result");
    for (const char* payload :
         {"<SessionQuery xmlns='com.domain.ise.session'/>", "<anything xmlns='urn:x:own'/>",
          "<grid xmlns='gi'><SessionQuery xmlns='com.domain.ise.session'/></grid>"}) {
        INFO(payload);
        CHECK(query(asa, ise, payload) == "delivered");
        CHECK(query(guest, ise, payload) == "forbidden");
        // A client that provides nothing is answered for as a missing account.
        if (parse(payload).name() != "grid")
            CHECK(query(ise, asa, payload) == "service-unavailable");
    }
    const auto denied = rest("root@grid.example", "GET", "/audit", {}, "decision=deny").second;
    later(2'000);
    const auto after = rest("root@grid.example", "GET", "/audit", {}, "decision=deny").second;
    CHECK(denied.find("\"operation\":\"query\"") == std::string::npos);   // by a queue
    CHECK(after.find("\"operation\":\"query\"") != std::string::npos);
}

TEST_CASE_METHOD(
    Planes, "S87: a publish to the controller is one to the broker, with the same rights", "[grid]"
) {
    REQUIRE(condition(ise, grid_iq(init("Session-1.0"), "gi")) == "result");
    for (const char* address : {"controller.grid.example", "grid_controller.jabber"}) {
        const auto answer = sends(ise, publish_to(address, "Session-1.0", address));
        CHECK(answer.attr_or("type", "") == "result");
        CHECK(answer.attr_or("from", "") == address);
        CHECK(condition(asa, publish_to(address, "Session-1.0", "b")) == "forbidden");
        CHECK(condition(ise, publish_to(address, "None-1.0", "b")) == "item-not-found");
    }
    CHECK(node.broker->node("Session-1.0")->items == 2);
}

}   // namespace planes_test
