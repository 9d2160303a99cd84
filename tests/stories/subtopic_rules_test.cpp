// tests/stories/subtopic_rules_test.cpp: refusals, and the rights that count at subtopics.
#include <catch2/catch.hpp>

#include "subtopic_stage.hpp"

namespace subtopic_rules_test {

using grid::test::SubtopicStage;
using Stage = SubtopicStage;

namespace {
const std::string both =
    "<and><eq attribute='location'>SJC</eq><in attribute='domain'><v>lab</v><v>corp</v></in></and>";
}   // namespace

TEST_CASE_METHOD(
    Stage, "S61: every exit of the sequence in its order, nothing half made", "[grid]"
) {
    provides();
    const auto revision = store.status().revision;
    for (const char* dialect : {"xgrid", "gi"}) {
        CHECK(
            refusal(reader, grid_iq(subscribe_request("location = 'A'", "None-1.0"), dialect)) ==
            "cancel item-not-found unknown-capability"
        );
        for (const char* wrong :
             {"color = 'red'", "location &gt; 'A'", "risk = 'much'", "location =", "<like/>",
              "<eq attribute='location'/><eq attribute='location'/>", ""})
            CHECK(
                refusal(reader, grid_iq(subscribe_request(wrong), dialect)) ==
                "modify bad-request invalid-filter"
            );
        CHECK(
            refusal(
                reader,
                grid_iq("<subscribeRequest><filter>a = 'b'</filter></subscribeRequest>", dialect)
            ) == "modify bad-request malformed-request"
        );
        CHECK(
            refusal(
                reader,
                grid_iq(subscribe_request("location='" + std::string(5000, 'x') + "'"), dialect)
            ) == "modify bad-request invalid-filter"
        );
    }
    CHECK(
        refusal(reader, leave_request("<subtopicName>Other-1.0/0123456789abcdef</subtopicName>")) ==
        "cancel item-not-found unknown-capability"
    );
    CHECK(
        refusal(reader, leave_request("<filter>location = 'A'</filter>")) ==
        "cancel item-not-found unknown-capability"
    );
    CHECK(subtopics().empty());
    CHECK(store.status().revision == revision);
    const auto text = sends(reader, grid_iq(subscribe_request("color = 'red'")));
    CHECK(
        text.child_any_ns("error")->child_any_ns("text")->text() ==
        "this topic has no filter attribute color; its providers offer domain string eq ne in; "
        "location string eq ne in prefix; risk number eq ne lt le gt ge in exists"
    );
}

TEST_CASE_METHOD(Stage, "S58: a topic whose providers offer no filters takes none", "[grid]") {
    provides("");
    CHECK(
        refusal(reader, grid_iq(subscribe_request("location = 'A'"))) ==
        "modify bad-request invalid-filter"
    );
    for (const char* wrong :
         {"<filterSupport><attribute name='and'/></filterSupport>",
          "<filterSupport><attribute name='a' type='x'/></filterSupport>",
          "<subtopicLimit>many</subtopicLimit>", "<serverSideFilter>x</serverSideFilter>"})
        CHECK(provides(wrong).attr_or("type", "") == "error");
    provides();
    CHECK(type_of(reader, grid_iq(subscribe_request("location = 'A'"))) == "result");
}

TEST_CASE_METHOD(Stage, "S59: filters are described, and in the node's meta-data", "[grid]") {
    provides(server_side());
    subtopic(reader, both);
    const std::string describe = grid_iq(
        "<DiscoveryQuery xmlns='x'><describe><param>Session-1.0</param></describe>"
        "</DiscoveryQuery>",
        "gi"
    );
    const auto described = sends(reader, describe);
    const auto* capability = described.child_any_ns("grid")
                                 ->first_child()
                                 ->first_child()
                                 ->child_any_ns("value")
                                 ->child_any_ns("capability");
    REQUIRE(capability != nullptr);
    const auto* filter = capability->child_any_ns("filter");
    REQUIRE(filter != nullptr);
    CHECK(filter->attr_or("attribute", "") == "domain");
    CHECK(filter->attr_or("match", "") == "eq ne in");
    CHECK(capability->child_any_ns("subtopics")->attr_or("limit", "") == "8");
    // How many filters are in use is for those who serve them.
    CHECK(capability->child_any_ns("subtopics")->attr("count") == nullptr);
    CHECK(
        grid::xml::to_string(sends(maker, describe), "jabber:client").find("count='1'") !=
        std::string::npos
    );
    const auto list = sends(reader, grid_iq("<getCapabilityListRequest/>"));
    CHECK(
        list.child_any_ns("grid")->first_child()->child_count() == 1
    );   // subtopics are no topics
    const auto info = sends(
        maker,
        "<iq xmlns='jabber:client' id='d' type='get' to='pubsub.grid.example'>"
        "<query xmlns='http://jabber.org/protocol/disco#info' node='" +
            subtopics().front().name + "'/></iq>"
    );
    const auto* form = info.child_any_ns("query")->child_any_ns("x");
    REQUIRE(form != nullptr);
    std::string fields;
    for (const auto* field : form->children())
        if (field->attr_or("var", "").starts_with("x-grid#"))
            fields += std::string(field->attr_or("var", "")) + "=" +
                      field->child_any_ns("value")->text() + ";";
    CHECK(
        fields ==
        "x-grid#parent=Session-1.0;"
        "x-grid#filter=domain in ('corp','lab') and location = 'SJC';"
    );
}

TEST_CASE_METHOD(Stage, "S60: rights on a subtopic are those of its topic", "[grid]") {
    provides();
    const std::string name = subtopic(reader, both);
    const std::string collection = "Session-1.0#subtopics";
    const auto owner = [&](const std::string& inside) {
        return "<iq xmlns='jabber:client' id='o' type='set' to='pubsub.grid.example'>"
               "<pubsub xmlns='http://jabber.org/protocol/pubsub#owner'>" +
               inside + "</pubsub></iq>";
    };
    for (const std::string& one : {name, collection}) {
        CHECK(refusal(maker, owner("<delete node='" + one + "'/>")) == "cancel not-allowed");
        CHECK(refusal(maker, owner("<purge node='" + one + "'/>")) == "cancel not-allowed");
        CHECK(
            refusal(
                maker, owner(
                           "<affiliations node='" + one +
                           "'><affiliation jid='other@grid.example' affiliation='owner'/>"
                           "</affiliations>"
                       )
            ) == "cancel not-allowed"
        );
    }
    CHECK(
        refusal(maker, pubsub_iq("<create node='Session-1.0/0123456789abcdef'/>")) ==
        "auth forbidden"
    );   // the policy is asked before the name
    // Another publisher of the topic is one of the subtopic, at once.
    CHECK(refusal(other, publish(name, "x", session("SJC"))) == "cancel item-not-found");
    REQUIRE(
        type_of(
            other,
            grid_iq("<initPublishRequest><topicName>Session-1.0</topicName></initPublishRequest>")
        ) == "result"
    );
    CHECK(type_of(other, publish(name, "x", session("SJC"))) == "result");
    // An account that is shut out of the topic gets nothing of the subtopic any more.
    REQUIRE(
        type_of(
            maker, owner("<affiliations node='Session-1.0'><affiliation "
                         "jid='reader@grid.example' affiliation='outcast'/></affiliations>")
        ) == "result"
    );
    CHECK(node.broker->audience(node.broker->node(name)->uid).empty());
    later(1000);
    later(1000);
    CHECK(node.broker->node(name)->subscriptions == 0);
    CHECK(type_of(maker, publish(name, "y", session("SJC"))) == "result");
    CHECK(
        refusal(maker, publish("Session-1.0/ffffffffffffffff", "y", session("SJC"))) ==
        "cancel item-not-found"
    );
}

TEST_CASE_METHOD(Stage, "S63: the topic takes its subtopics along", "[grid]") {
    provides();
    const std::string name = subtopic(reader, both);
    REQUIRE(type_of(maker, publish(name, "a", session("SJC"))) == "result");
    const auto owner = [&](const std::string& inside) {
        return type_of(
            maker,
            "<iq xmlns='jabber:client' id='o' type='set' to='pubsub.grid.example'>"
            "<pubsub xmlns='http://jabber.org/protocol/pubsub#owner'>" +
                inside + "</pubsub></iq>"
        );
    };
    REQUIRE(owner("<purge node='Session-1.0'/>") == "result");
    CHECK(node.broker->node(name)->items == 0);
    REQUIRE(type_of(maker, publish(name, "b", session("SJC"))) == "result");
    CHECK(node.broker->node(name)->items == 1);
    REQUIRE(owner("<delete node='Session-1.0'/>") == "result");
    CHECK_FALSE(node.broker->node(name));   // at once
    CHECK_FALSE(node.broker->node("Session-1.0#subtopics"));
    forget();
    for (int i = 0; i < 5; ++i) later(1000);
    CHECK(node.broker->node_count() == 0);
    CHECK(node.broker->subscription_count() == 0);
    CHECK(node.broker->item_count() == 0);
    // The name is free again, with nothing of the old.
    provides();
    CHECK(subtopics().empty());
    CHECK(subtopic(reader, both) == name);
}

namespace {
class Publishers : public SubtopicStage {
public:
    Publishers()
        : SubtopicStage("allow any discover any\nallow any create any\nallow any publish any\n") {}
};
}   // namespace

TEST_CASE_METHOD(Publishers, "S61: the policy is asked before the filter is read", "[grid]") {
    provides();
    for (const char* filter : {"location = 'A'", "color = 'red'"})
        CHECK(refusal(reader, grid_iq(subscribe_request(filter))) == "auth forbidden denied");
    CHECK(
        refusal(reader, stock_subscribe("reader@grid.example", "location = 'A'")) ==
        "auth forbidden"
    );
    CHECK(subtopics().empty());
}

}   // namespace subtopic_rules_test
