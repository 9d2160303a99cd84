// tests/stories/subtopics_test.cpp: subtopics come and go by the Grid protocol.
#include <catch2/catch.hpp>

#include "subtopic_stage.hpp"

namespace subtopics_test {

using grid::test::SubtopicStage;
using Stage = SubtopicStage;

namespace {
bool has(const std::vector<std::string>& messages, std::string_view text) {
    for (const std::string& message : messages)
        if (message.find(text) != std::string::npos) return true;
    return false;
}
const std::string both =
    "<and><eq attribute='location'>SJC</eq><in attribute='domain'><v>lab</v><v>corp</v></in></and>";
}   // namespace

TEST_CASE_METHOD(Stage, "S61: a filter makes a subtopic, its publisher hears of it", "[grid]") {
    REQUIRE(provides().attr_or("type", "") == "result");
    forget();
    const std::string name = subtopic(reader, both);
    CHECK(name.starts_with("Session-1.0/"));
    REQUIRE(subtopics().size() == 1);
    CHECK(subtopics().front().filter == "domain in ('corp','lab') and location = 'SJC'");
    CHECK(subtopics().front().subscriptions == 1);
    const auto messages = told(maker);
    CHECK(has(
        messages, "<SubtopicNotification xmlns='com.domain.gi.gcl.controller' action='created'>"
    ));
    CHECK(has(messages, "<subtopicName>" + name + "</subtopicName>"));
    CHECK(has(messages, "<collection node='Session-1.0#subtopics'><associate node='" + name));
    CHECK(told(reader).empty());
    CHECK(told(other).empty());
    // S62: the list at registration.
    const auto again = provides();
    const auto* response = again.child_any_ns("grid")->child_any_ns("initPublishResponse");
    REQUIRE(response->child_any_ns("subtopic") != nullptr);
    CHECK(response->child_any_ns("subtopic")->child_any_ns("name")->text() == name);
}

TEST_CASE_METHOD(
    Stage, "S55, S60: the same filter is the same subtopic, in either dialect", "[grid]"
) {
    provides();
    const std::string name = subtopic(reader, both);
    CHECK(subtopic(other, "domain in ('corp','lab','corp') and location eq 'SJC'") == name);
    CHECK(subtopic(reader, both) == name);   // again: nothing new
    const auto in_gi = sends(other, grid_iq(subscribe_request(both), "gi"));
    CHECK(in_gi.attr_or("type", "") == "result");
    CHECK(in_gi.child_any_ns("grid")->ns().uri() == "gi");
    REQUIRE(subtopics().size() == 1);
    CHECK(subtopics().front().subscriptions == 2);
    CHECK(subtopic(other, "location = 'LON'") != name);
    CHECK(subtopics().size() == 2);
}

TEST_CASE_METHOD(Stage, "S60: two first subscribers make one subtopic", "[grid]") {
    provides();
    // Both decided against the same state; the second conflicts and is decided again.
    const auto decide = [&](const char* who) {
        const auto iq = grid::test::parse(grid_iq(subscribe_request(both)));
        auto prepared = controller().prepare(
            {grid::xml::IqType::Set,
             *grid::xml::Jid::parse("controller.grid.example"),
             iq.first_child(),
             {}}
        );
        return (*prepared)->decide(context(principal(who)));
    };
    auto first = decide(reader), second = decide(other);
    REQUIRE(first.change() != nullptr);
    REQUIRE(second.change() != nullptr);
    CHECK(commit(first.change()->batch));
    CHECK_FALSE(commit(second.change()->batch));
    auto again = decide(other);
    REQUIRE(again.change() != nullptr);
    CHECK(commit(again.change()->batch));
    REQUIRE(subtopics().size() == 1);
    CHECK(subtopics().front().subscriptions == 2);
}

TEST_CASE_METHOD(Stage, "S62: a publish to the subtopic reaches its subscribers only", "[grid]") {
    provides();
    const std::string name = subtopic(reader, both);
    REQUIRE(
        type_of(other, pubsub_iq("<subscribe node='Session-1.0' jid='other@grid.example'/>")) ==
        "result"
    );   // the policy admits
    REQUIRE(
        type_of(
            other,
            grid_iq("<subscribeRequest><topicName>Session-1.0</topicName></subscribeRequest>")
        ) == "result"
    );
    forget();
    REQUIRE(type_of(maker, publish(name, "a", session("SJC"))) == "result");
    REQUIRE(type_of(maker, publish(topic, "a", session("SJC"))) == "result");
    CHECK(has(told(reader), "<items node='" + name + "'><item id='a'"));
    CHECK_FALSE(has(told(reader), "<items node='Session-1.0'>"));
    CHECK(has(told(other), "<items node='Session-1.0'><item id='a'"));
    CHECK_FALSE(has(told(other), name));
    CHECK(refusal(reader, publish(name, "b", session("SJC"))) == "auth forbidden");
    CHECK(
        refusal(maker, publish("Session-1.0/0123456789abcdef", "b", session("SJC"))) ==
        "cancel item-not-found"
    );
}

TEST_CASE_METHOD(Stage, "S63: a subtopic without subscribers goes after the grace time", "[grid]") {
    provides();
    const std::string name = subtopic(reader, both);
    REQUIRE(type_of(maker, publish(name, "a", session("SJC"))) == "result");
    REQUIRE(type_of(reader, leave_request("<filter>" + both + "</filter>")) == "result");
    later(1000);
    later(30'000);
    CHECK(subtopics().size() == 1);
    forget();
    grace();
    CHECK(subtopics().empty());
    CHECK_FALSE(node.broker->node(name));
    CHECK(has(told(maker), "action='deleted'"));
    CHECK(has(told(maker), "<dissociate node='" + name));
    CHECK(refusal(maker, publish(name, "b", session("SJC"))) == "cancel item-not-found");
    // And comes again, empty.
    CHECK(subtopic(reader, both) == name);
    CHECK(node.broker->node(name)->items == 0);
}

TEST_CASE_METHOD(Stage, "S63: who joins within the grace time keeps the subtopic", "[grid]") {
    provides();
    const std::string name = subtopic(reader, both);
    REQUIRE(
        type_of(reader, leave_request("<subtopicName>" + name + "</subtopicName>")) == "result"
    );
    later(1000);
    later(59'000);
    // A removal that was proposed before somebody came is refused by the guard.
    auto proposed = node.broker->due(1'000'000'000'000'000, 100);
    REQUIRE(proposed.size() == 1);
    REQUIRE(subtopic(other, both) == name);
    CHECK_FALSE(commit(std::move(proposed.front())));
    grace();
    CHECK(subtopics().size() == 1);
}

TEST_CASE_METHOD(Stage, "S64: the provider's limit, and a place that becomes free", "[grid]") {
    provides(support("2"));
    subtopic(reader, "location = 'A'");
    subtopic(reader, "location = 'B'");
    CHECK(
        refusal(reader, grid_iq(subscribe_request("location = 'C'"))) ==
        "wait resource-constraint too-many-subtopics"
    );
    CHECK(
        refusal(reader, grid_iq(subscribe_request("location = 'C'"), "gi")) ==
        "wait resource-constraint too-many-subtopics"
    );
    CHECK(
        refusal(reader, stock_subscribe("reader@grid.example", "location = 'C'")) ==
        "wait resource-constraint too-many-subtopics"
    );
    CHECK(
        refusal(maker, stock_subscribe("maker@grid.example", "location = 'C'")) ==
        "wait resource-constraint too-many-subtopics"
    );
    CHECK(type_of(other, grid_iq(subscribe_request("location = 'A'"))) == "result");
    REQUIRE(type_of(reader, leave_request("<filter>location = 'B'</filter>")) == "result");
    grace();
    CHECK(type_of(reader, grid_iq(subscribe_request("location = 'C'"))) == "result");
    CHECK(provides("<subtopicLimit>100000</subtopicLimit>").attr_or("type", "") == "error");
}

}   // namespace subtopics_test
