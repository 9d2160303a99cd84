// controller/grid/filtered.cpp: see filtered.hpp.
#include "controller/grid/filtered.hpp"

#include "controller/filters/expression.hpp"
#include "controller/grid/broker_call.hpp"
#include "xml/namespaces.hpp"

namespace grid::controller::gi {

namespace {

Outcome<pubsub::CanonicalFilter> filter_of(const Call& call, const std::string& topic) {
    const auto parsed = filters::parse_xml(*call.request.body.child_any_ns("filter"));
    if (!parsed) return parsed.error();
    return call.state.filters.canonical(topic, *parsed);
}

}   // namespace

pubsub::Decision subscribe_filtered(
    const Call& call, const std::string& topic, const policy::Match& match, xml::Element answer
) {
    const auto filter = filter_of(call, topic);
    if (!filter) return to_stanza_error(filter.error());
    // S32: whom the policy lets subscribe, the controller adds, whitelist or not.
    const auto node = call.state.directory.node(topic);
    const bool is_added = node && node->access_model == "whitelist";
    const xml::Jid jid = call.actor().jid.bare();
    pubsub::Decision decision = call.state.directory.broker()->join_subtopic(
        is_added ? as_system(call.context) : call.context, {topic, *filter, jid}
    );
    if (decision.error() != nullptr) return decision;
    xml::Element& response = answer.mutable_nodes().front();
    response.add(xml::Element::with_text("subtopicName", topic + "/" + filter->id));
    response.add(xml::Element::with_text("filter", filter->text));
    if (decision.change() == nullptr) return pubsub::Reply(std::move(answer));
    if (is_added) seal_for(call, decision.change()->batch, "subscribe", topic, match);
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
    if (node && node->topic == topic && !node->filter.empty()) return name;
    return Failure{Errc::UnknownCapability, "no subtopic " + name + " of " + topic, {}};
}

}   // namespace grid::controller::gi
