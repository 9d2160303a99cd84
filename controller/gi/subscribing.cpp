// controller/gi/subscribing.cpp: subscribe and unsubscribe by the Grid protocol.
#include <algorithm>

#include "controller/gi/broker_call.hpp"
#include "controller/gi/filtered.hpp"
#include "xml/namespaces.hpp"

namespace grid::controller::gi {

namespace {

/// The topic's name and the full JIDs of its present publishers.
xml::Element subscribe_answer(const Call& call, const std::string& topic) {
    xml::Element details("xmppDetails");
    for (const Provider& provider : call.state.directory.providers(topic, call.context.now))
        for (const xml::Jid& jid : provider.online)
            details.add(xml::Element::with_text("jid", jid.str()));
    return respond(
        call.request, xml::Element(
                          "subscribeResponse", xml::ns::gi_grid, {},
                          xml::Element::with_text("topicName", topic), std::move(details)
                      )
    );
}

xml::Element broker_request(const Call& call, const char* name, const std::string& topic) {
    return {
        "pubsub",
        xml::ns::pubsub,
        {},
        xml::Element(name, {{"node", topic}, {"jid", std::string(call.actor().jid.bare_view())}})
    };
}

/// Subscribed to the topic or to one of its subtopics.
bool is_in(const Call& call, const pubsub::NodeView& topic) {
    const pubsub::Broker& broker = *call.state.directory.broker();
    const auto all = broker.subscribed_nodes(call.actor().jid.bare());
    const auto has = [&](std::uint64_t uid) { return std::ranges::find(all, uid) != all.end(); };
    return has(topic.uid) ||
           std::ranges::any_of(broker.subtopics(topic.name), [&](const pubsub::SubtopicView& one) {
               return has(broker.node_uid(one.name));
           });
}

/// The broker's decision, with the answer in the Grid protocol.
pubsub::Decision answered(pubsub::Decision decision, xml::Element answer) {
    if (decision.error() != nullptr) return decision;
    if (decision.change() == nullptr) return pubsub::Reply(std::move(answer));
    return pubsub::Decision::Change{std::move(decision.change()->batch), std::move(answer)};
}

}   // namespace

pubsub::Decision subscribe(const Call& call) {
    const std::string topic = topic_of_capability(call);
    if (topic.empty()) return call.fail(Errc::MalformedRequest, "expected a capability");
    const auto node = call.node(topic);
    const policy::Match seen = call.match(policy::Right::Discover, topic);
    if (!node || !seen.allowed) return call.hide("subscribe", topic, seen);
    const policy::Match match = call.match(policy::Right::Subscribe, topic);
    if (!match.allowed) return call.deny("subscribe", topic, match);
    if (call.request.body.child_any_ns("filter") != nullptr)
        return subscribe_filtered(call, topic, subscribe_answer(call, topic));
    // As by XEP-0060: the topic's access model and its x-grid#admission decide, in the broker.
    pubsub::Decision decision =
        ask_broker(call, xml::IqType::Set, broker_request(call, "subscribe", topic), call.context);
    xml::Element answer = subscribe_answer(call, topic);
    add_state(decision, answer);
    return answered(std::move(decision), std::move(answer));
}

pubsub::Decision unsubscribe(const Call& call) {
    const std::string topic = topic_of_capability(call);
    if (topic.empty()) return call.fail(Errc::MalformedRequest, "expected a capability");
    // Leaving needs no right; but what may not be discovered stays hidden from outsiders.
    const auto node = call.node(topic);
    const policy::Match seen = call.match(policy::Right::Discover, topic);
    if (!node || (!seen.allowed && !is_in(call, *node)))
        return call.hide("unsubscribe", topic, seen);
    const auto left = left_node(call, topic);
    if (!left) return to_stanza_error(left.error());
    pubsub::Decision decision = ask_broker(
        call, xml::IqType::Set, broker_request(call, "unsubscribe", *left), call.context
    );
    return answered(
        std::move(decision), respond(
                                 call.request, xml::Element(
                                                   "unsubscribeResponse", xml::ns::gi_grid, {},
                                                   xml::Element::with_text("topicName", topic)
                                               )
                             )
    );
}

}   // namespace grid::controller::gi
