// tests/stories/topics_test.cpp: publishers and subscribers come and go by the Grid protocol.
#include <catch2/catch.hpp>

#include "grid_stage.hpp"
#include "requests.hpp"

namespace topics_test {

using grid::test::difference;
using grid::test::GridStage;
using namespace grid::test::requests;

namespace {

constexpr const char* maker = "maker@grid.example/m";
constexpr const char* reader = "reader@grid.example/r";

std::string act(const std::string& operation) { return xgrid(operation, "set"); }
std::string init(const std::string& topic, const std::string& more = {}) {
    return act(
        "<initPublishRequest><capability><name>" + topic + "</name></capability>" + more +
        "</initPublishRequest>"
    );
}
std::string subscribe(const std::string& topic) {
    return act("<subscribeRequest><topicName>" + topic + "</topicName></subscribeRequest>");
}

class Topics : public GridStage {
public:
    Topics() {
        policy("allow any any any\n");
        member(maker, R"(["makers"])");
        member(reader, R"(["readers"])");
    }
    std::string answer(const char* who, const std::string& iq) {
        return std::string(sends(who, iq).attr_or("type", ""));
    }
    std::size_t audience(const std::string& topic) {
        return node.broker->audience(node.broker->node(topic)->uid).size();
    }
};

}   // namespace

TEST_CASE_METHOD(Topics, "S32, S71: subscribe and unsubscribe by the Grid protocol", "[grid]") {
    REQUIRE(answer(maker, init("T-1.0")) == "result");
    REQUIRE(answer(reader, subscribe("T-1.0")) == "result");
    CHECK(audience("T-1.0") == 1);
    const auto revision = store.status().revision;
    CHECK(answer(reader, subscribe("T-1.0")) == "result");   // again: as it is
    CHECK(store.status().revision == revision);
    CHECK(
        answer(
            reader, act("<unsubscribeRequest><topicName>T-1.0</topicName>"
                        "</unsubscribeRequest>")
        ) == "result"
    );
    CHECK(audience("T-1.0") == 0);
}

TEST_CASE_METHOD(Topics, "S32: where owners want to be asked, they are", "[grid]") {
    REQUIRE(answer(maker, init("T-1.0")) == "result");
    REQUIRE(
        answer(
            maker,
            owner_iq(
                "<configure node='T-1.0'><x xmlns='jabber:x:data' "
                "type='submit'><field var='FORM_TYPE'>"
                "<value>http://jabber.org/protocol/pubsub#node_config</value></field>"
                "<field var='pubsub#access_model'><value>authorize</value></field></x></configure>"
            )
        ) == "result"
    );
    CHECK(answer(reader, subscribe("T-1.0")) == "result");
    CHECK(audience("T-1.0") == 0);   // pending
}

TEST_CASE_METHOD(Topics, "S31, S47: an outcast becomes no publisher", "[grid]") {
    REQUIRE(answer(maker, init("T-1.0")) == "result");
    REQUIRE(
        answer(
            maker, owner_iq("<affiliations node='T-1.0'><affiliation "
                            "jid='reader@grid.example' affiliation='outcast'/></affiliations>")
        ) == "result"
    );
    CHECK(answer(reader, init("T-1.0")) == "error");
    CHECK(answer(reader, subscribe("T-1.0")) == "error");
}

TEST_CASE_METHOD(
    Topics, "S53: a later node of the same name does not serve what the earlier one did", "[grid]"
) {
    REQUIRE(
        answer(maker, init("T-1.0", "<query name='Q'/><schema namespace='urn:x'/>")) == "result"
    );
    CHECK(answer(reader, find("Q")) == "result");
    REQUIRE(answer(maker, owner_iq("<delete node='T-1.0'/>")) == "result");
    CHECK(answer(reader, find("Q")) == "error");
    REQUIRE(answer(reader, init("T-1.0")) == "result");
    CHECK(answer(reader, find("Q")) == "error");
    CHECK(
        difference(
            sends(
                reader,
                "<iq xmlns='jabber:client' id='d' type='get' to='controller.grid.example'>"
                "<grid xmlns='gi'><DiscoveryQuery "
                "xmlns='a'><describe><param>T-1.0</param></describe>"
                "</DiscoveryQuery></grid></iq>"
            ),
            "<iq xmlns='jabber:client' type='result' id='d'><grid xmlns='gi' type='response'>"
            "<DiscoveryQuery xmlns='a'><describe xmlns=''><value>"
            "<capability name='T' version='1.0' topic='T-1.0'>"
            "<provider jid='reader@grid.example/r' online='true'/></capability></value></describe>"
            "</DiscoveryQuery></grid></iq>"
        ) == ""
    );
    // The new provider's own declaration counts from then on.
    REQUIRE(answer(reader, init("T-1.0", "<query name='R'/>")) == "result");
    CHECK(answer(maker, find("R")) == "result");
}

TEST_CASE_METHOD(Topics, "what conflicts is decided again", "[grid]") {
    store.conflict_next(3);
    CHECK(answer(maker, init("T-1.0", "<query name='Q'/>")) == "result");
    store.conflict_next(3);
    CHECK(answer(reader, subscribe("T-1.0")) == "result");
    store.conflict_next(3);
    CHECK(rest("root@grid.example", "POST", "/accounts/reader@grid.example/disable").first == 200);
    // Cut at once: the subscription is there, and receives nothing.
    CHECK(audience("T-1.0") == 0);
}

TEST_CASE_METHOD(
    Topics,
    "S46, S74: a policy that no longer lets an account receive cuts it before delivery",
    "[grid]"
) {
    REQUIRE(answer(maker, init("T-1.0")) == "result");
    REQUIRE(answer(reader, subscribe("T-1.0")) == "result");
    REQUIRE(audience("T-1.0") == 1);
    REQUIRE(
        rest(
            "root@grid.example", "PUT", "/policy",
            R"({"text":"deny group readers subscribe any\nallow any any any\n"})"
        )
            .first == 200
    );
    CHECK(audience("T-1.0") == 0);
}

TEST_CASE_METHOD(Topics, "S56: more topics than a page: the list says where it goes on", "[grid]") {
    auto small = default_settings();
    small.page_max = 3;
    GridStage stage(small);
    stage.policy("deny any discover T3*\nallow any any any\n");
    stage.member(maker, "[]");
    for (int i = 0; i < 8; ++i)
        REQUIRE(
            stage.sends(maker, init("T" + std::to_string(i) + "-1.0")).attr_or("type", "") ==
            "result"
        );
    std::vector<std::string> seen;
    std::string after;
    for (int page = 0; page < 10; ++page) {
        const auto answer = stage.sends(
            maker,
            "<iq xmlns='jabber:client' id='l' type='get' to='controller.grid.example'>"
            "<grid xmlns='gi'><DiscoveryQuery xmlns='a'><list><param name='after'>" +
                after + "</param></list></DiscoveryQuery></grid></iq>"
        );
        const auto* list = answer.first_child()->first_child()->first_child();
        for (const auto* capability : list->first_child()->children())
            seen.emplace_back(capability->attr_or("topic", ""));
        after = list->attr_or("next", "");
        if (after.empty()) break;
    }
    CHECK(
        seen ==
        std::vector<std::string>{
            "T0-1.0", "T1-1.0", "T2-1.0", "T4-1.0", "T5-1.0", "T6-1.0", "T7-1.0"
        }
    );
}

}   // namespace topics_test
