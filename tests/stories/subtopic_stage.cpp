// tests/stories/subtopic_stage.cpp: see subtopic_stage.hpp.
#include "subtopic_stage.hpp"

#include <catch2/catch.hpp>

#include "pubsub/delivery/copies.hpp"

namespace grid::test {

SubtopicStage::SubtopicStage(std::string_view rules) {
    policy(rules);
    for (const char* who : {maker, reader, other}) member(who, R"(["all"])");
}

void SubtopicStage::later(storage::Millis by) {
    time_ += by;
    GridStage::later(by);
    for (storage::Batch& batch : node.broker->due(time_, 100)) commit(std::move(batch));
}

std::string SubtopicStage::support(const std::string& limit) {
    return "<filterSupport><attribute name='location' type='string' match='eq in prefix'/>"
           "<attribute name='domain' type='string' match='eq in'/>"
           "<attribute name='risk' type='number' path='/session/@risk'/></filterSupport>"
           "<subtopicLimit>" +
           limit + "</subtopicLimit>";
}

std::string SubtopicStage::server_side() {
    return support() + "<serverSideFilter>true</serverSideFilter>";
}

std::string SubtopicStage::grid_iq(const std::string& operation, const char* dialect) {
    return std::string(
               "<iq xmlns='jabber:client' id='t' type='set' to='controller.grid.example'>"
               "<grid xmlns='"
           ) +
           dialect + "' type='request'>" + operation + "</grid></iq>";
}

std::string SubtopicStage::pubsub_iq(const std::string& inside, const char* type) {
    return std::string("<iq xmlns='jabber:client' id='p' type='") + type +
           "' to='pubsub.grid.example'><pubsub xmlns='http://jabber.org/protocol/pubsub'>" +
           inside + "</pubsub></iq>";
}

xml::Element SubtopicStage::provides(const std::string& more, const char* who) {
    auto answer = sends(
        who, grid_iq(
                 "<initPublishRequest><capability><name>" + std::string(topic) +
                 "</name></capability>" + more + "</initPublishRequest>"
             )
    );
    later(1000);   // the collection of subtopics
    return answer;
}

std::string SubtopicStage::subscribe_request(const std::string& filter, const char* of) {
    return "<subscribeRequest><topicName>" + std::string(of) + "</topicName><filter>" + filter +
           "</filter></subscribeRequest>";
}

std::string SubtopicStage::leave_request(const std::string& more) {
    return grid_iq(
        "<unsubscribeRequest><topicName>" + std::string(topic) + "</topicName>" + more +
        "</unsubscribeRequest>"
    );
}

std::string SubtopicStage::stock_subscribe(const std::string& bare, const std::string& filter) {
    return pubsub_iq(
        "<subscribe node='" + std::string(topic) + "' jid='" + bare +
        "'/><options><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'>"
        "<value>http://jabber.org/protocol/pubsub#subscribe_options</value></field>"
        "<field var='x-grid#filter'><value>" +
        filter + "</value></field></x></options>"
    );
}

std::string SubtopicStage::publish(
    const std::string& node, const std::string& id, const std::string& payload
) {
    return pubsub_iq(
        "<publish node='" + node + "'><item id='" + id + "'>" + payload + "</item></publish>"
    );
}

std::string SubtopicStage::session(
    const std::string& location, const std::string& domain, int risk
) {
    return "<session xmlns='urn:example:session' risk='" + std::to_string(risk) + "'><location>" +
           location + "</location><domain>" + domain + "</domain></session>";
}

std::string SubtopicStage::type_of(const char* who, const std::string& iq) {
    return std::string(sends(who, iq).attr_or("type", ""));
}

std::string SubtopicStage::refusal(const char* who, const std::string& iq) {
    const xml::Element answer = sends(who, iq);
    const xml::Element* error = answer.child_any_ns("error");
    if (error == nullptr) return "no error";
    std::string out(error->attr_or("type", ""));
    for (const xml::Element* child : error->children())
        if (child->name() != "text") out += " " + child->name();
    return out;
}

std::string SubtopicStage::subtopic(const char* who, const std::string& filter) {
    const xml::Element answer = sends(who, grid_iq(subscribe_request(filter)));
    const xml::Element* grid = answer.child_any_ns("grid");
    REQUIRE(grid != nullptr);
    const xml::Element* response = grid->child_any_ns("subscribeResponse");
    REQUIRE(response != nullptr);
    const xml::Element* name = response->child_any_ns("subtopicName");
    REQUIRE(name != nullptr);
    return name->text();
}

std::vector<std::string> SubtopicStage::told(const char* full) {
    const xml::Jid jid = *xml::Jid::parse(full);
    std::vector<std::string> found;
    for (const FakeControl::Sent& sent : control.sent) {
        for (const std::string& to : sent.to)
            if (to == jid.str() || to == jid.bare_view()) found.push_back(sent.message);
        if (sent.what.node == 0) continue;
        for (const auto& subscriber : node.broker->audience(sent.what.node, sent.what.kind))
            if (subscriber.jid == jid || subscriber.jid == jid.bare())
                found.push_back("<message" + *pubsub::render_copy(sent.what, subscriber.copy));
    }
    return found;
}

void SubtopicStage::grace() {
    later(1000);     // seen to be idle
    later(61'000);   // for long enough
    later(1000);     // erased
}

}   // namespace grid::test
