// controller/administration/topic_acts.cpp: see controller/administration/topic_acts.hpp.
#include "controller/administration/topic_acts.hpp"

#include "controller/audit/record.hpp"
#include "pubsub/broker.hpp"
#include "xml/namespaces.hpp"

namespace grid::controller::administration {

Outcome<storage::Batch> switch_topic(
    const ActContext& call, const std::string& name, bool is_enabled
) {
    const State& state = call.state;
    if (const auto node = state.directory.node(name); node && !node->topic.empty())
        return Failure{
            Errc::MalformedRequest, "'" + name + "' goes with its topic: switch " + node->topic, {}
        };
    const pubsub::Broker* broker = state.directory.broker();
    auto batch =
        broker == nullptr ? std::optional<storage::Batch>{} : broker->switch_node(name, is_enabled);
    if (!batch) return Failure{Errc::UnknownTopic, "no topic " + name, {}};
    if (batch->operations.empty()) return std::move(*batch);
    call.expect_right(*batch);
    audit::Record record = audit::by(
        call.actor(), audit::Outcome::Allow, is_enabled ? "topic-enable" : "topic-disable"
    );
    record.topic = name;
    audit::append(*batch, std::move(record));
    return std::move(*batch);
}

Outcome<storage::Batch> delete_topic(const ActContext& call, const std::string& name) {
    const State& state = call.state;
    pubsub::Broker* broker = state.directory.broker();
    if (broker == nullptr || !broker->node(name))
        return Failure{Errc::UnknownTopic, "no topic " + name, {}};
    const xml::Element request(
        "pubsub", xml::ns::pubsub_owner, {}, xml::Element("delete", {{"node", name}})
    );
    // Administration is not asked of the policy: the grid deletes, and the record says for whom.
    pubsub::Context own = call.context;
    own.actor = pubsub::Principal::system();
    auto prepared = broker->prepare({xml::IqType::Set, state.settings.broker, &request, {}});
    if (!prepared || !*prepared) return Failure{Errc::UnknownTopic, "no topic " + name, {}};
    pubsub::Decision decision = (*prepared)->decide(own);
    if (decision.change() == nullptr)
        return Failure{
            Errc::UnknownTopic,
            decision.error() != nullptr ? decision.error()->text : "no topic " + name,
            {}
        };
    storage::Batch batch = std::move(decision.change()->batch);
    audit::Record record = audit::by(call.actor(), audit::Outcome::Allow, "topic-delete");
    record.topic = name;
    audit::append(batch, std::move(record));
    call.expect_right(batch);
    return batch;
}

}   // namespace grid::controller::administration
