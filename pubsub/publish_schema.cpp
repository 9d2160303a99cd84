// pubsub/publish_schema.cpp: a payload's filter attributes and schema (XEP-0060 §7.1.3.6).
#include "pubsub/errors.hpp"
#include "pubsub/publish_parts.hpp"

namespace grid::pubsub {

void ask_about_payload(const Broker& broker, const IqRequest& request, Publish& publish) {
    if (publish.payload.empty()) return;
    const xml::Element* item = request.payload->child("publish");
    item = item ? item->child("item") : nullptr;
    const xml::Element* payload = item ? item->first_child() : nullptr;
    if (broker.filter && payload)
        publish.extracted = broker.filter->extract(publish.node, *payload);
    if (!broker.schemas) return;
    SchemaCheck check = broker.schemas->check(publish.node, publish.payload);
    if (!check.topic.empty()) publish.checked = std::make_shared<SchemaCheck>(std::move(check));
}

std::optional<Decision> check_schema(
    const Broker& broker, std::string_view topic, const Publish& request
) {
    if (!broker.schemas || request.payload.empty()) return std::nullopt;
    const std::uint64_t in_force = broker.schemas->in_force(topic);
    if (in_force == 0) return std::nullopt;
    if (!request.checked) request.checked = std::make_shared<SchemaCheck>();
    const std::shared_ptr<SchemaCheck>& checked = request.checked;
    // A check against an earlier schema does not count: the schema in force now decides.
    if (checked->topic != topic || checked->revision != in_force)
        return Decision::Work{[&schemas = *broker.schemas, checked, name = std::string(topic),
                               &payload = request.payload] {
            *checked = schemas.check(name, payload);
        }};
    if (checked->problem.empty()) return std::nullopt;
    return Decision(refuse(Errc::InvalidPayload, checked->problem));
}

void expect_schema(
    const Broker& broker, std::string_view topic, const Publish& request, storage::Batch& batch
) {
    if (!broker.schemas || request.payload.empty() || broker.schemas->in_force(topic) == 0) return;
    broker.schemas->expect(batch, topic);
}

}   // namespace grid::pubsub
