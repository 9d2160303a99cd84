// tests/stories/registration_test.cpp: registration by XEP-0077 at the controller.
#include <catch2/catch.hpp>

#include "grid_stage.hpp"

namespace registration_test {

using grid::controller::AccountState;
using grid::test::difference;
using grid::test::GridStage;

namespace {

constexpr const char* client = "probe@grid.example/x";

std::string iq(const std::string& type, const std::string& inside = {}) {
    return "<iq xmlns='jabber:client' id='r' type='" + type +
           "' to='controller.grid.example'><query xmlns='jabber:iq:register'>" + inside +
           "</query></iq>";
}

}   // namespace

TEST_CASE("S37: a stock client registers with a form, sees its state, and unregisters", "[grid]") {
    GridStage stage;
    REQUIRE(stage.connects(client));
    CHECK(difference(stage.sends(client, iq("get")), R"(
        <iq xmlns='jabber:client' type='result'><query xmlns='jabber:iq:register'>
          <instructions>Your certificate is your credential: there is no password.</instructions>
          <x xmlns='jabber:x:data' type='form'><title>Registration with the grid</title>
            <field var='FORM_TYPE' type='hidden'><value>jabber:iq:register</value></field>
            <field var='x-grid#group' type='list-multi'/>
            <field var='x-grid#description' type='text-single'/>
            <field var='x-grid#deviceType' type='text-single'/></x></query></iq>)") == "");
    const auto answer = stage.sends(client, iq("set", R"(<x xmlns='jabber:x:data' type='submit'>
        <field var='FORM_TYPE'><value>jabber:iq:register</value></field>
        <field var='x-grid#group'><value>siem</value></field>
        <field var='x-grid#description'><value>a probe</value></field></x>)"));
    CHECK(difference(answer, "<iq xmlns='jabber:client' type='result' id='r'/>") == "");
    const auto jid = *grid::xml::Jid::parse("probe@grid.example");
    CHECK(stage.controller().state(jid) == AccountState::Pending);
    CHECK(
        difference(stage.sends(client, iq("get")), R"(
        <iq xmlns='jabber:client' type='result'><query xmlns='jabber:iq:register'><registered/>
          <x xmlns='jabber:x:data' type='result'>
            <field var='FORM_TYPE' type='hidden'><value>jabber:iq:register</value></field>
            <field var='x-grid#state'><value>pending</value></field>
            <field var='x-grid#description'><value>a probe</value></field></x></query></iq>)") == ""
    );
    CHECK(stage.sends(client, iq("set", "<remove/>")).attr_or("type", "") == "result");
    CHECK(stage.controller().state(jid) == AccountState::Init);
    CHECK(stage.sends(client, iq("set", "<remove/>")).attr_or("type", "") == "error");
}

TEST_CASE("S43: what a confined session may send, by destination", "[grid]") {
    GridStage stage;
    REQUIRE(stage.connects(client));
    using grid::controller::Destination;
    const auto actor = stage.principal(client);
    const auto may = [&](Destination to, const std::string& stanza) {
        return !stage.controller().confine(actor, to, grid::test::parse(stanza));
    };
    const auto get = [](const std::string& payload) {
        return "<iq xmlns='jabber:client' type='get' id='c'>" + payload + "</iq>";
    };
    const std::string info = get("<query xmlns='http://jabber.org/protocol/disco#info'/>");
    const std::string items = get("<query xmlns='http://jabber.org/protocol/disco#items'/>");
    const std::string ping = get("<ping xmlns='urn:xmpp:ping'/>");
    const std::string roster = get("<query xmlns='jabber:iq:roster'/>");
    const std::string version = get("<query xmlns='jabber:iq:version'/>");
    const std::string result = "<iq xmlns='jabber:client' type='result' id='c'/>";
    const std::string message = "<message xmlns='jabber:client'><body>x</body></message>";
    const std::string presence = "<presence xmlns='jabber:client'/>";
    CHECK(may(Destination::Server, info));
    CHECK(may(Destination::Controller, info));
    CHECK(may(Destination::Server, ping));
    CHECK(may(Destination::OwnAccount, roster));
    CHECK(may(Destination::Server, result));
    CHECK(may(Destination::Server, items));   // found C9: where the controller is
    CHECK_FALSE(may(Destination::Server, version));
    CHECK_FALSE(may(Destination::Controller, items));
    CHECK_FALSE(may(Destination::Client, result));
    for (Destination to :
         {Destination::Server, Destination::OwnAccount, Destination::Controller,
          Destination::Broker, Destination::Client, Destination::Other}) {
        CHECK_FALSE(may(to, message));
        CHECK_FALSE(may(to, presence));
    }
    for (Destination to : {Destination::Broker, Destination::Client, Destination::Other})
        for (const std::string& stanza : {info, ping, roster}) CHECK_FALSE(may(to, stanza));
    // Afterwards the restriction is lifted, on the same session.
    stage.administrator("root@grid.example");
    stage.sends(client, iq("set"));
    REQUIRE(
        stage.rest("root@grid.example", "POST", "/accounts/probe@grid.example/approve").first == 200
    );
    CHECK(may(Destination::Client, message));
}

}   // namespace registration_test
