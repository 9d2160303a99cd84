// controller/incident.cpp: report, inquiry, request and response of XEP-0268, as the grid
// handles them.
#include "controller/incident.hpp"

#include "xml/namespaces.hpp"

namespace grid::controller {

namespace {

using Answer = Result<pubsub::PreparedRequest, xml::StanzaError>;

/// A report is answered by a bare result; the publish by the id of the item.
pubsub::PreparedRequest without_payload(pubsub::PreparedRequest prepared) {
    prepared.decide = [decide = std::move(prepared.decide)](const pubsub::Context& context) {
        pubsub::Decision decision = decide(context);
        if (auto* change = decision.change()) change->reply = pubsub::Reply{};
        return decision;
    };
    return prepared;
}

Answer publish_report(const State& state, const pubsub::IqRequest& iq) {
    const xml::Element& report = *iq.payload;
    if (report.child_count() != 1) return xml::bad_request("a report holds one IODEF document");
    const xml::Element publish(
        "pubsub", xml::ns::pubsub, {},
        xml::Element(
            "publish", xml::ns::pubsub, {{"node", state.settings.incident_topic}},
            xml::Element("item", xml::ns::pubsub, {}, *report.first_child())
        )
    );
    // Prefixes may be declared around the document: they travel with it.
    std::vector<const xml::Element*> ancestors = iq.ancestors;
    ancestors.push_back(&report);
    auto prepared = state.directory.broker()->prepare(
        {xml::IqType::Set, state.settings.broker, &publish, std::move(ancestors)}
    );
    if (!prepared) return xml::service_unavailable("the broker does not know this request");
    if (!*prepared) return prepared->error();
    return without_payload(std::move(**prepared));
}

}   // namespace

std::optional<Answer> prepare_incident(const State& state, const pubsub::IqRequest& iq) {
    const xml::Element& payload = *iq.payload;
    if (payload.ns() != incident_ns) return std::nullopt;
    if (state.settings.incident_topic.empty() || state.directory.broker() == nullptr)
        return Answer(xml::service_unavailable("this grid takes no incident reports"));
    const bool is_set = payload.name() == "report" || payload.name() == "response";
    const bool is_get = payload.name() == "inquiry" || payload.name() == "request";
    if ((is_set && iq.type != xml::IqType::Set) || (is_get && iq.type != xml::IqType::Get))
        return Answer(xml::bad_request(
            "report and response come in an iq of type set, inquiry and request in a get"
        ));
    if (payload.name() == "report") return publish_report(state, iq);
    if (payload.name() == "response")
        return Answer(xml::StanzaError{
            "cancel",
            "feature-not-implemented",
            {},
            "send a response to the one who asked for assistance, a report to the grid",
            {}
        });
    return Answer(xml::bad_request("XEP-0268 has report, inquiry, request and response"));
}

}   // namespace grid::controller
