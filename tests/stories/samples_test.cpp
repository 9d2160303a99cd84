// tests/stories/samples_test.cpp: the nine samples of draft-appala-mile-xmpp-grid-00 §2.6, made
// well-formed.
#include <catch2/catch.hpp>

#include "grid_stage.hpp"

namespace samples_test {

using grid::controller::AccountState;
using grid::test::difference;
using grid::test::GridStage;

namespace {

constexpr const char* node2 = "node2@grid.example/syam-mac";
constexpr const char* open_policy = "allow any any any\n";

/// Node2 as a member, with a topic that ise provides.
class Samples : public GridStage {
public:
    Samples() {
        policy(open_policy);
        member(node2, R"(["everyone"])");
    }
    void provider() {
        member("ise@grid.example/syam-mac", "[]");
        const auto answer = sends("ise@grid.example/syam-mac", R"(
            <iq xmlns='jabber:client' id='p1' to='controller.grid.example' type='get'>
              <grid xmlns='xgrid' type='request'>
                <initPublishRequest xmlns='urn:blank:2'>
                  <capability xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'
                      xsi:type='ns5:SessionDirectoryCapability'><id>0</id><version>1.0</version>
                  </capability>
                  <query name='com.domain.ise.session.SessionQuery'/>
                </initPublishRequest>
              </grid></iq>)");
        REQUIRE(answer.attr_or("type", "") == "result");
    }
};

}   // namespace

TEST_CASE("S41 sample 1: Node2 registers", "[grid]") {
    GridStage stage;
    stage.administrator("root@grid.example");
    REQUIRE(stage.connects(node2));
    const auto answer = stage.sends(node2, R"(
        <iq xmlns='jabber:client' id='ay0tK-4' to='grid_Controller.jabber'
            from='Node2@domain.com/syam-mac' type='get'>
          <grid xmlns='gi' type='request'>
            <AccountQuery xmlns='com.domain.gi.gcl.Controller'><register></register></AccountQuery>
          </grid></iq>)");
    CHECK(difference(answer, R"(
        <iq xmlns='jabber:client' type='result' id='ay0tK-4' from='grid_Controller.jabber'>
          <grid xmlns='gi' type='response'><AccountQuery xmlns='com.domain.gi.gcl.Controller'>
            <register xmlns=''>
              <value xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' xsi:nil='true'/>
              <account state='pending' username='node2'/>
            </register></AccountQuery></grid></iq>)") == "");
    const auto jid = *grid::xml::Jid::parse("node2@grid.example");
    CHECK(stage.controller().state(jid) == AccountState::Pending);
}

TEST_CASE_METHOD(Samples, "S41 sample 2: login and its answer", "[grid]") {
    const auto answer = sends(node2, R"(
        <iq xmlns='jabber:client' id='ay0tK-5' to='grid_Controller.jabber' type='get'>
          <grid xmlns='gi' type='request'>
            <AccountQuery xmlns='com.domain.gi.gcl.Controller'><login></login></AccountQuery>
          </grid></iq>)");
    CHECK(difference(answer, R"(
        <iq xmlns='jabber:client' type='result' id='ay0tK-5' from='grid_Controller.jabber'>
          <grid xmlns='gi' type='response'><AccountQuery xmlns='com.domain.gi.gcl.Controller'>
            <login xmlns=''><value xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'
              xsi:nil='true'/></login></AccountQuery></grid></iq>)") == "");
    CHECK(sessions.is_active(principal(node2).session));
}

TEST_CASE_METHOD(
    Samples, "S41 sample 3: logout keeps the session and ends its deliveries", "[grid]"
) {
    sends(node2, R"(<iq xmlns='jabber:client' id='l' to='controller.grid.example' type='set'>
        <grid xmlns='gi'><AccountQuery xmlns='com.domain.gi.gcl.controller'><login/></AccountQuery>
        </grid></iq>)");
    const auto answer = sends(node2, R"(
        <iq xmlns='jabber:client' id='o47m2-8' to='grid_Controller.jabber' type='get'>
          <grid xmlns='gi' type='request'>
            <AccountQuery xmlns='com.domain.gi.gcl.Controller'><logout></logout></AccountQuery>
          </grid></iq>)");
    CHECK(difference(answer, R"(
        <iq xmlns='jabber:client' type='result' id='o47m2-8' from='grid_Controller.jabber'>
          <grid xmlns='gi' type='response'><AccountQuery xmlns='com.domain.gi.gcl.Controller'>
            <logout xmlns=''><value xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'
              xsi:nil='true'/></logout></AccountQuery></grid></iq>)") == "");
    CHECK_FALSE(sessions.is_active(principal(node2).session));
}

TEST_CASE_METHOD(Samples, "S56 sample 4: capability list in the xgrid dialect", "[grid]") {
    provider();
    const auto answer = sends(node2, R"(
        <iq xmlns='jabber:client' id='fD65a-5' to='grid_Controller.jabber' type='get'>
          <grid xmlns='xgrid' type='request'>
            <ns2:getCapabilityListRequest xmlns:ns2='urn:blank:2'/></grid></iq>)");
    CHECK(difference(answer, R"(
        <iq xmlns='jabber:client' type='result' id='fD65a-5' from='grid_Controller.jabber'>
          <grid xmlns='xgrid' type='response'>
            <getCapabilityListResponse xmlns='com.domain.gi.grid'>
              <capability xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'
                  xmlns:ns2='com.domain.gi.grid' xsi:type='ns2:SessionDirectoryCapability'>
                <id>0</id><name>SessionDirectoryCapability-1.0</name><version>1.0</version>
              </capability></getCapabilityListResponse></grid></iq>)") == "");
}

TEST_CASE_METHOD(Samples, "S34 sample 5: find gives the full JIDs that serve a query", "[grid]") {
    provider();
    const auto answer = sends(node2, R"(
        <iq xmlns='jabber:client' id='996IL-8' to='grid_controller.jabber' type='get'>
          <grid xmlns='gi' type='request'><DiscoveryQuery xmlns='com.domain.gi.gcl.controller'>
            <find><param xsi:type='xs:string' xmlns:ns2='gi'
                xmlns:xs='http://www.w3.org/2001/XMLSchema'
                xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'>
              com.domain.ise.session.SessionQuery</param></find>
          </DiscoveryQuery></grid></iq>)");
    CHECK(difference(answer, R"(
        <iq xmlns='jabber:client' type='result' id='996IL-8' from='grid_controller.jabber'>
          <grid xmlns='gi' type='response'><DiscoveryQuery xmlns='com.domain.gi.gcl.controller'>
            <find xmlns=''><value xmlns:ns3='http://jaxb.dev.java.net/array'
                xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' xsi:type='ns3:stringArray'>
              <item>ise@grid.example/syam-mac</item></value></find>
          </DiscoveryQuery></grid></iq>)") == "");
}

TEST_CASE_METHOD(Samples, "S31 sample 6: register as publisher makes the topic", "[grid]") {
    const auto answer = sends(node2, R"(
        <iq xmlns='jabber:client' id='fD65a-6' to='grid_Controller.jabber' type='get'>
          <grid xmlns='xgrid' type='request'>
            <ns2:initPublishRequest xmlns:ns2='urn:blank:2'>
              <ns2:capability xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'
                  xsi:type='ns5:SessionCapability'>
                <ns2:id>0</ns2:id><ns2:version>1.0</ns2:version></ns2:capability>
            </ns2:initPublishRequest></grid></iq>)");
    const auto* registration = answer.first_child()->first_child()->child_any_ns("registrationId");
    REQUIRE(registration != nullptr);
    CHECK(
        difference(
            answer, R"(
        <iq xmlns='jabber:client' type='result' id='fD65a-6' from='grid_Controller.jabber'>
          <grid xmlns='xgrid' type='response'>
            <initPublishResponse xmlns='com.domain.gi.grid'>
              <topicName>SessionCapability-1.0</topicName><registrationId>)" +
                        registration->text() + R"(</registrationId><leaseSeconds>300</leaseSeconds>
            </initPublishResponse>
          </grid></iq>)"
        ) == ""
    );
    const auto topic = node.broker->node("SessionCapability-1.0");
    REQUIRE(topic);
    CHECK(topic->creator == "node2@grid.example");
}

TEST_CASE_METHOD(Samples, "S31: who registers second becomes publisher of the topic", "[grid]") {
    provider();
    const std::string request = R"(
        <iq xmlns='jabber:client' id='x' to='controller.grid.example' type='set'>
          <grid xmlns='xgrid'><initPublishRequest><capability>
            <name>SessionDirectoryCapability-1.0</name></capability></initPublishRequest>
          </grid></iq>)";
    CHECK(sends(node2, request).attr_or("type", "") == "result");
    const auto found = rest("root@grid.example", "GET", "/topics/SessionDirectoryCapability-1.0");
    CHECK(
        found.second.find(R"({"jid":"node2@grid.example","affiliation":"publisher")") !=
        std::string::npos
    );
    // Again: nothing to change, no batch.
    const auto revision = store.status().revision;
    CHECK(sends(node2, request).attr_or("type", "") == "result");
    CHECK(store.status().revision == revision);
}

TEST_CASE_METHOD(Samples, "S32, S33 sample 7: subscribe adds to the whitelist topic", "[grid]") {
    provider();
    const auto answer = sends(node2, R"(
        <iq xmlns='jabber:client' id='s1' to='grid_Controller.jabber' type='get'>
          <grid xmlns='xgrid' type='request'>
            <ns2:subscribeRequest xmlns:ns2='urn:blank:2'>
              <ns2:capability xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'
                  xsi:type='ns5:SessionDirectoryCapability'>
                <ns2:id>0</ns2:id><ns2:version>1.0</ns2:version></ns2:capability>
            </ns2:subscribeRequest></grid></iq>)");
    CHECK(difference(answer, R"(
        <iq xmlns='jabber:client' type='result' id='s1' from='grid_Controller.jabber'>
          <grid xmlns='xgrid' type='response'><subscribeResponse xmlns='com.domain.gi.grid'>
            <topicName>SessionDirectoryCapability-1.0</topicName>
            <xmppDetails><jid>ise@grid.example/syam-mac</jid></xmppDetails>
          </subscribeResponse></grid></iq>)") == "");
    // The data plane is set: an item of the provider reaches the subscriber (S33).
    const auto uid = node.broker->node("SessionDirectoryCapability-1.0")->uid;
    const auto audience = node.broker->audience(uid);
    REQUIRE(audience.size() == 1);
    CHECK(audience.front().jid.str() == "node2@grid.example");
}

TEST_CASE_METHOD(Samples, "S49 sample 8: the controller as provider of identity groups", "[grid]") {
    member("user1@grid.example/x", R"(["employee"])");
    const auto answer = sends(node2, R"(
        <iq xmlns='jabber:client' id='kR0YY-8' to='grid_Controller.jabber' type='get'>
          <grid xmlns='xgrid' type='request'><ns5:getIdentityGroupRequest xmlns:ns5='urn:blank:5'
              xmlns:ns2='urn:blank:2'><ns5:user><ns2:name>user1</ns2:name></ns5:user>
          </ns5:getIdentityGroupRequest></grid></iq>)");
    CHECK(difference(answer, R"(
        <iq xmlns='jabber:client' type='result' id='kR0YY-8' from='grid_Controller.jabber'>
          <grid xmlns='xgrid' type='response'>
            <getIdentityGroupResponse xmlns='com.domain.gi.grid'><user><name>user1</name>
              <groupList><object><name>employee</name><type>Identity</type></object></groupList>
            </user></getIdentityGroupResponse></grid></iq>)") == "");
}

TEST_CASE_METHOD(
    Samples, "S41 sample 9: a whole session, answered in the request's spelling", "[grid]"
) {
    for (const char* spelling : {"com.domain.gi.gcl.Controller", "com.domain.gi.gcl.controller"})
        for (const char* wrapper : {"gi", "xgrid"})
            for (const char* type : {"get", "set"}) {
                const std::string ns(spelling), grid(wrapper);
                const auto answer = sends(
                    node2, "<iq xmlns='jabber:client' id='q' to='controller.grid.example' type='" +
                               std::string(type) + "'><grid xmlns='" + grid +
                               "'><AccountQuery xmlns='" + ns +
                               "'><status/></AccountQuery></grid></iq>"
                );
                CHECK(
                    difference(
                        answer,
                        "<iq xmlns='jabber:client' type='result' id='q' "
                        "from='controller.grid.example'><grid xmlns='" +
                            grid + "' type='response'><AccountQuery xmlns='" + ns +
                            "'><status xmlns=''><value>"
                            "<state>enabled</state><username>node2</username><group>everyone</"
                            "group>"
                            "<certificate notAfter='2030-03-17T17:46:40.000Z' "
                            "issuer='CN=ca'/></value>"
                            "</status></AccountQuery></grid></iq>"
                    ) == ""
                );
            }
}

}   // namespace samples_test
