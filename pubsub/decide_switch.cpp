// pubsub/decide_switch.cpp: a node is switched off and on by an administrator.
#include "pubsub/node.hpp"
#include "pubsub/use_cases.hpp"

namespace grid::pubsub {

std::optional<storage::Batch> switch_node(
    const Broker& broker, std::string_view name, bool is_enabled
) {
    const Node* node = broker.memory.find(name);
    if (node == nullptr) return std::nullopt;
    storage::Batch batch;
    if (node->record.is_switched_off == !is_enabled) return batch;
    // In the node's own record: every publish and every subscription expects that one anyway, so
    // that none which was decided before passes after.
    NodeRecord record = node->record;
    record.is_switched_off = !is_enabled;
    batch.expect(storage::Family::Control, node_key(node->uid), node->revision);
    batch.put(storage::Family::Control, node_key(node->uid), encode(record));
    return batch;
}

}   // namespace grid::pubsub
