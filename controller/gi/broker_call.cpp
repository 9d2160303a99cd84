// controller/gi/broker_call.cpp: requests of the controller to the broker.
#include "controller/gi/broker_call.hpp"

#include <algorithm>

#include "xml/namespaces.hpp"

namespace grid::controller::gi {

pubsub::Decision ask_broker(
    const Call& call, xml::IqType type, const xml::Element& payload, const pubsub::Context& context
) {
    pubsub::Broker* broker = call.state.directory.broker();
    if (broker == nullptr) return xml::service_unavailable("this controller has no broker");
    auto prepared = broker->prepare({type, call.state.settings.broker, &payload, {}});
    if (!prepared) return xml::service_unavailable("the broker does not know this request");
    if (!*prepared) return prepared->error();
    return (*prepared)->decide(context);
}

std::optional<pubsub::NodeView> Call::node(const std::string& name) const {
    auto found = state.directory.node(name);
    if (!found || found->filter.empty()) return found;
    const xml::Element question("query", xml::ns::disco_info, {{"node", name}});
    if (ask_broker(*this, xml::IqType::Get, question, context).error() != nullptr)
        return std::nullopt;
    return found;
}

pubsub::Context as_system(const pubsub::Context& context) {
    pubsub::Context own = context;
    own.actor = pubsub::Principal::system();
    return own;
}

std::string affiliation_of(const Call& call, std::string_view topic) {
    // XEP-0060 §5.7: the actor's own, at this node.
    const xml::Element question(
        "pubsub", xml::ns::pubsub, {}, xml::Element("affiliations", {{"node", std::string(topic)}})
    );
    const pubsub::Decision answer = ask_broker(call, xml::IqType::Get, question, call.context);
    if (answer.reply() == nullptr || !answer.reply()->payload) return "none";
    const xml::Element* list = answer.reply()->payload->child("affiliations");
    if (list == nullptr) return "none";
    if (const xml::Element* entry = list->child("affiliation"))
        return std::string(entry->attr_or("affiliation", "none"));
    return "none";
}

void record_allowed_for(
    const Call& call,
    storage::Batch& batch,
    std::string_view operation,
    std::string_view topic,
    const policy::Match& match
) {
    call.state.expect_gates(batch, call.actor());
    audit::Record record = audit::by(call.actor(), audit::Outcome::Allow, operation);
    record.topic = topic;
    record.rule = *match.rule;
    audit::append(batch, std::move(record));
}

}   // namespace grid::controller::gi
