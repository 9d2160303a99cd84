// controller/administration/topic_switch.cpp: the broker's switch of a node, with the
// administrator on record.
#include "controller/administration/topic_switch.hpp"

#include "controller/audit/record.hpp"
#include "controller/state.hpp"

namespace grid::controller {

Outcome<storage::Batch> switch_topic(
    const State& state, const std::string& name, bool is_enabled, const pubsub::Context& context
) {
    if (const auto node = state.directory.node(name); node && !node->topic.empty())
        return Failure{
            Errc::MalformedRequest, "'" + name + "' goes with its topic: switch " + node->topic, {}
        };
    const pubsub::Broker* broker = state.directory.broker();
    auto batch =
        broker == nullptr ? std::optional<storage::Batch>{} : broker->switch_node(name, is_enabled);
    if (!batch) return Failure{Errc::UnknownTopic, "no topic " + name, {}};
    if (batch->operations.empty()) return std::move(*batch);
    state.expect_gates(*batch, context.actor);
    audit::Record record = audit::by(
        context.actor, audit::Outcome::Allow, is_enabled ? "topic-enable" : "topic-disable"
    );
    record.topic = name;
    audit::append(*batch, std::move(record));
    return std::move(*batch);
}

}   // namespace grid::controller
