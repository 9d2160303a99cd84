// pubsub/model/node_tree.hpp: the graph of collections (XEP-0248) as memory holds it, with the
// lists that discovery shows of it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <unordered_map>
#include <vector>

#include "pubsub/model/node_list.hpp"
#include "storage/batch.hpp"

namespace grid::pubsub {

struct Node;

/// Edges of one node: the other end → revision of the edge's record.
using Edges = std::map<std::uint64_t, storage::Revision>;

/// A node above or beneath another, and how many steps.
struct Relative {
    const Node* node = nullptr;
    std::uint64_t distance = 0;
};

/// Edges are kept as their records are; one whose end is not live does not count. So a collection
/// that is deleted lets go of its children at once, and its edges are erased later.
class NodeTree {
public:
    /// The node is there, and may be new or changed.
    void enter(const Node& node);
    /// The node is deleted or forgotten.
    void leave(const Node& node);
    void link(std::uint64_t parent, std::uint64_t child, storage::Revision revision);
    void unlink(std::uint64_t parent, std::uint64_t child);
    void clear();

    /// All edges, of deleted nodes too.
    const Edges& parents(std::uint64_t child) const;
    const Edges& children(std::uint64_t parent) const;
    /// Revision of the edge's record; 0: there is none.
    storage::Revision edge(std::uint64_t parent, std::uint64_t child) const;

    std::vector<const Node*> live_parents(std::uint64_t child) const;
    /// All live nodes above, each with its shortest distance, nearest first. Also of a node that is
    /// deleted, as long as its edges are there.
    std::vector<Relative> ancestors(std::uint64_t uid) const;

    /// Nodes that no live collection holds: what the root shows.
    const NodeList& top() const { return top_; }
    /// Live children of a collection.
    const NodeList& list_of(std::uint64_t parent) const;

private:
    void place(const Node& node);
    template <class EdgesOf>
    std::vector<Relative> walk(std::uint64_t uid, EdgesOf edges_of_node) const;
    const Node* live(std::uint64_t uid) const;

    std::unordered_map<std::uint64_t, const Node*> live_;
    std::unordered_map<std::uint64_t, Edges> parents_, children_;
    std::unordered_map<std::uint64_t, NodeList> lists_;
    NodeList top_;
};

// Down the graph of collections, for those who start from many nodes.

/// All live nodes beneath, each once and with its shortest distance, nearest first. `visit` says
/// whether the nodes beneath that one are wanted, too.
void walk_beneath(
    const NodeTree& tree, std::uint64_t uid, const std::function<bool(const Relative&)>& visit
);

}   // namespace grid::pubsub
