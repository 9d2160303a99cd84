// pubsub/walk_beneath.hpp: down the graph of collections, for those who start from many nodes.
#pragma once

#include <cstdint>
#include <functional>

#include "pubsub/node_tree.hpp"

namespace grid::pubsub {

/// All live nodes beneath, each once and with its shortest distance, nearest first. `visit` says
/// whether the nodes beneath that one are wanted, too.
void walk_beneath(
    const NodeTree& tree, std::uint64_t uid, const std::function<bool(const Relative&)>& visit
);

}   // namespace grid::pubsub
