// pubsub/decide_collections.cpp: nodes come into collections and leave them (XEP-0248 §7.5, §7.6).
#include "pubsub/graph_change.hpp"
#include "pubsub/use_cases.hpp"

namespace grid::pubsub {

Decision decide(const Broker& broker, const Context& context, const Associate& request) {
    GraphChange graph(broker, context);
    for (const Associate::Change& change : request.changes) {
        auto error = change.is_added ? graph.associate(request.collection, change.node)
                                     : graph.dissociate(request.collection, change.node);
        if (error) return *error;
    }
    storage::Batch batch;
    if (auto error = graph.write(batch)) return *error;
    if (batch.operations.empty()) return Reply{};   // all of them are there already
    Granted granted;
    granted.node = broker.memory.find(request.collection);
    granted.operation = Operation::Manage;
    granted.name = request.collection;
    granted.bare = context.actor.jid.bare_view();
    granted.verdict = {true, "owner of the node or let in by the collection"};
    return commit(broker, context, granted, std::move(batch));
}

}   // namespace grid::pubsub
