// pubsub/walk_beneath.cpp: see pubsub/walk_beneath.hpp.
#include "pubsub/walk_beneath.hpp"

#include <unordered_set>
#include <vector>

#include "pubsub/node.hpp"

namespace grid::pubsub {

void walk_beneath(
    const NodeTree& tree, std::uint64_t uid, const std::function<bool(const Relative&)>& visit
) {
    std::vector<Relative> open;
    std::unordered_set<std::uint64_t> seen{uid};
    const auto step = [&](std::uint64_t from, std::uint64_t distance) {
        for (const auto& block : tree.list_of(from).blocks())
            for (const Node* node : block->nodes)
                if (seen.insert(node->uid).second && visit({node, distance}) &&
                    node->config().is_collection())
                    open.push_back({node, distance});
    };
    step(uid, 1);
    for (std::size_t next = 0; next < open.size(); ++next)   // grows meanwhile
        step(open[next].node->uid, open[next].distance + 1);
}

}   // namespace grid::pubsub
