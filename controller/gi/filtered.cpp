// controller/gi/filtered.cpp: see controller/gi/filtered.hpp.
#include "controller/gi/filtered.hpp"

#include <algorithm>

#include "controller/filters/expression.hpp"
#include "xml/namespaces.hpp"

namespace grid::controller::gi {

namespace {

Outcome<pubsub::CanonicalFilter> filter_of(const Call& call, const std::string& topic) {
    const auto parsed = filters::parse_xml(*call.request.body.child_any_ns("filter"));
    if (!parsed) return parsed.error();
    return call.state.filters.canonical(topic, *parsed);
}

}   // namespace

void add_state(pubsub::Decision& decision, xml::Element& answer) {
    const pubsub::Reply* reply =
        decision.change() != nullptr ? &decision.change()->reply : decision.reply();
    if (reply == nullptr || !reply->payload) return;
    const xml::Element* made = reply->payload->child("subscription");
    if (made != nullptr && made->attr_or("subscription", "") == "pending")
        answer.mutable_nodes().front().add(xml::Element::with_text("state", "pending"));
}

pubsub::Decision subscribe_filtered(
    const Call& call, const std::string& topic, xml::Element answer
) {
    const auto filter = filter_of(call, topic);
    if (!filter) return to_stanza_error(filter.error());
    const xml::Jid jid = call.actor().jid.bare();
    pubsub::Decision decision =
        call.state.directory.broker()->join_subtopic(call.context, {topic, *filter, jid});
    if (decision.error() != nullptr) return decision;
    add_state(decision, answer);
    xml::Element& response = answer.mutable_nodes().front();
    response.add(xml::Element::with_text("subtopicName", topic + "/" + filter->id));
    response.add(xml::Element::with_text("filter", filter->text));
    if (decision.change() == nullptr) return pubsub::Reply(std::move(answer));
    return pubsub::Decision::Change{std::move(decision.change()->batch), std::move(answer)};
}

Outcome<std::string> left_node(const Call& call, const std::string& topic) {
    std::string name = child_text(call.request.body, "subtopicName");
    if (name.empty() && call.request.body.child_any_ns("filter") != nullptr) {
        const auto filter = filter_of(call, topic);
        if (!filter) return filter.error();
        name = topic + "/" + filter->id;
    }
    if (name.empty()) return topic;
    const auto node = call.state.directory.node(name);
    // The client sees only subtopics that it is subscribed to: a name tells a filter of others.
    const auto own = call.state.directory.broker()->subscribed_nodes(call.actor().jid.bare());
    const bool is_own = node && std::ranges::find(own, node->uid) != own.end();
    if (is_own && node->topic == topic && !node->filter.empty()) return name;
    return Failure{Errc::UnknownCapability, "no subtopic " + name + " of " + topic, {}};
}

}   // namespace grid::controller::gi
