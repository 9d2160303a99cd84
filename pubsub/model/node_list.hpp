// pubsub/model/node_list.hpp: nodes in the order of their names, in blocks that can be counted
// apart.
#pragma once

#include <bitset>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace grid::pubsub {

struct Node;

/// A list that may have very many nodes and changes one at a time. The nodes that an actor may see
/// are counted block by block and remembered (pubsub/pages/visible_nodes.hpp): a change in one
/// block leaves the others as they are, which their version shows.
class NodeList {
public:
    struct Block {
        std::uint64_t version = 0;   // no two states of any block have the same
        std::vector<const Node*> nodes;
        std::size_t subtopics = 0;   // of them; who may see those changes without a new version
    };
    static constexpr std::size_t block_nodes_max = 256;

    /// Adds the node, or notes that it changed.
    void put(const Node& node);
    void erase(const Node& node);
    /// Whether it is there.
    bool contains(const Node& node) const;
    std::size_t size() const { return size_; }
    const std::vector<std::unique_ptr<Block>>& blocks() const { return blocks_; }
    /// The block in which a node of that name is, or would be. There must be one.
    std::size_t block_of(std::string_view name) const;

private:
    void touch(Block& block) { block.version = ++last_version; }

    static inline std::uint64_t last_version = 0;   // of all lists: core strand only
    std::vector<std::unique_ptr<Block>> blocks_;
    std::size_t size_ = 0;
};

/// Remembers which nodes of a block an actor may see. Every entry is what asking the policy again
/// would give: a block that changed has another version, and a policy that changed another
/// revision. Filters are not part of the key, so that a client which invents a new filter with each
/// request does not make the policy be asked of all nodes each time.
class VisibleCounts {
public:
    static constexpr std::size_t actors_max = 512;
    using Seen = std::bitset<NodeList::block_nodes_max>;
    using ByBlock = std::unordered_map<std::uint64_t, Seen>;

    /// The counts under that key, of that policy; makes room by forgetting the least recently used.
    ByBlock& of(const std::string& key, std::uint64_t policy);

private:
    struct Entry {
        std::uint64_t policy = 0, used = 0;
        ByBlock seen;
    };
    std::map<std::string, Entry> entries_;
    std::uint64_t uses_ = 0;
};

}   // namespace grid::pubsub
