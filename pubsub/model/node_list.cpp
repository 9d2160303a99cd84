// pubsub/model/node_list.cpp: see pubsub/model/node_list.hpp.
#include "pubsub/model/node_list.hpp"

#include <algorithm>

#include "pubsub/model/node.hpp"

namespace grid::pubsub {

namespace {

std::vector<const Node*>::const_iterator place_by_name(
    const std::vector<const Node*>& nodes, std::string_view name
) {
    return std::partition_point(nodes.begin(), nodes.end(), [&](const Node* node) {
        return std::string_view(node->name()) < name;
    });
}

}   // namespace

std::size_t NodeList::block_of(std::string_view name) const {
    const auto behind =
        std::partition_point(blocks_.begin(), blocks_.end(), [&](const auto& block) {
            return std::string_view(block->nodes.front()->name()) <= name;
        });
    return behind == blocks_.begin() ? 0 : static_cast<std::size_t>(behind - blocks_.begin()) - 1;
}

bool NodeList::contains(const Node& node) const {
    if (blocks_.empty()) return false;
    const auto& nodes = blocks_[block_of(node.name())]->nodes;
    const auto at = place_by_name(nodes, node.name());
    return at != nodes.end() && *at == &node;
}

void NodeList::put(const Node& node) {
    if (blocks_.empty()) blocks_.push_back(std::make_unique<Block>());
    const std::size_t index = blocks_.front()->nodes.empty() ? 0 : block_of(node.name());
    Block& block = *blocks_[index];
    touch(block);
    const auto at = place_by_name(block.nodes, node.name());
    if (at != block.nodes.end() && *at == &node) return;
    block.nodes.insert(at, &node);
    block.subtopics += node.is_subtopic() ? 1 : 0;
    ++size_;
    if (block.nodes.size() <= block_nodes_max) return;
    auto upper = std::make_unique<Block>();
    const auto middle = block.nodes.begin() + block_nodes_max / 2;
    upper->nodes.assign(middle, block.nodes.end());
    block.nodes.erase(middle, block.nodes.end());
    upper->subtopics = static_cast<std::size_t>(
        std::ranges::count_if(upper->nodes, [](const Node* one) { return one->is_subtopic(); })
    );
    block.subtopics -= upper->subtopics;
    touch(*upper);
    blocks_.insert(blocks_.begin() + static_cast<std::ptrdiff_t>(index) + 1, std::move(upper));
}

void NodeList::erase(const Node& node) {
    if (blocks_.empty()) return;
    const std::size_t index = block_of(node.name());
    Block& block = *blocks_[index];
    const auto at = place_by_name(block.nodes, node.name());
    if (at == block.nodes.end() || *at != &node) return;
    block.nodes.erase(at);
    block.subtopics -= node.is_subtopic() ? 1 : 0;
    touch(block);
    --size_;
    if (block.nodes.empty()) blocks_.erase(blocks_.begin() + static_cast<std::ptrdiff_t>(index));
}

VisibleCounts::ByBlock& VisibleCounts::of(const std::string& key, std::uint64_t policy) {
    auto found = entries_.find(key);
    if (found == entries_.end()) {
        if (entries_.size() >= actors_max)
            entries_.erase(std::min_element(
                entries_.begin(), entries_.end(),
                [](const auto& a, const auto& b) { return a.second.used < b.second.used; }
            ));
        found = entries_.try_emplace(key).first;
    }
    Entry& entry = found->second;
    entry.used = ++uses_;
    if (entry.policy != policy) entry.seen.clear();
    entry.policy = policy;
    return entry.seen;
}

}   // namespace grid::pubsub
