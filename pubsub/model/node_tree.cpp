// pubsub/model/node_tree.cpp: see pubsub/model/node_tree.hpp.
#include "pubsub/model/node_tree.hpp"

#include <set>
#include <unordered_set>
#include <vector>

#include "pubsub/model/node.hpp"

namespace grid::pubsub {

namespace {

const Edges& edges_of(const std::unordered_map<std::uint64_t, Edges>& where, std::uint64_t uid) {
    static const Edges none;
    const auto found = where.find(uid);
    return found == where.end() ? none : found->second;
}

void erase_edge(
    std::unordered_map<std::uint64_t, Edges>& where, std::uint64_t from, std::uint64_t to
) {
    const auto found = where.find(from);
    if (found == where.end()) return;
    found->second.erase(to);
    if (found->second.empty()) where.erase(found);
}

}   // namespace

const Node* NodeTree::live(std::uint64_t uid) const {
    const auto found = live_.find(uid);
    return found == live_.end() ? nullptr : found->second;
}

const Edges& NodeTree::parents(std::uint64_t child) const { return edges_of(parents_, child); }
const Edges& NodeTree::children(std::uint64_t parent) const { return edges_of(children_, parent); }

storage::Revision NodeTree::edge(std::uint64_t parent, std::uint64_t child) const {
    const Edges& edges = parents(child);
    const auto found = edges.find(parent);
    return found == edges.end() ? 0 : found->second;
}

const NodeList& NodeTree::list_of(std::uint64_t parent) const {
    static const NodeList none;
    const auto found = lists_.find(parent);
    return found == lists_.end() ? none : found->second;
}

/// Puts a live node into the lists where it belongs, and out of the others.
void NodeTree::place(const Node& node) {
    bool is_held = false;
    for (const auto& [parent, revision] : parents(node.uid)) {
        is_held = is_held || live(parent) != nullptr;
        lists_[parent].put(node);
    }
    if (is_held)
        top_.erase(node);
    else
        top_.put(node);
}

void NodeTree::enter(const Node& node) {
    const bool is_new = live_.emplace(node.uid, &node).second;
    place(node);
    if (!is_new) return;
    for (const auto& [child, revision] : children(node.uid))
        if (const Node* held = live(child)) place(*held);
}

void NodeTree::leave(const Node& node) {
    if (live_.erase(node.uid) == 0) return;
    top_.erase(node);
    for (const auto& [parent, revision] : parents(node.uid))
        if (const auto list = lists_.find(parent); list != lists_.end()) list->second.erase(node);
    for (const auto& [child, revision] : children(node.uid))
        if (const Node* orphan = live(child)) place(*orphan);
}

void NodeTree::link(std::uint64_t parent, std::uint64_t child, storage::Revision revision) {
    parents_[child][parent] = revision;
    children_[parent][child] = revision;
    if (const Node* node = live(child)) place(*node);
}

void NodeTree::unlink(std::uint64_t parent, std::uint64_t child) {
    erase_edge(parents_, child, parent);
    erase_edge(children_, parent, child);
    const auto list = lists_.find(parent);
    if (const Node* node = live(child)) {
        if (list != lists_.end()) list->second.erase(*node);
        place(*node);
    }
    if (list != lists_.end() && list->second.size() == 0) lists_.erase(list);
}

void NodeTree::clear() {
    live_.clear();
    parents_.clear();
    children_.clear();
    lists_.clear();
    top_ = NodeList();
}

std::vector<const Node*> NodeTree::live_parents(std::uint64_t child) const {
    std::vector<const Node*> found;
    for (const auto& [parent, revision] : parents(child))
        if (const Node* node = live(parent)) found.push_back(node);
    return found;
}

/// Breadth first: the first way to a node is a shortest one.
template <class EdgesOf>
std::vector<Relative> NodeTree::walk(std::uint64_t uid, EdgesOf edges_of_node) const {
    std::vector<Relative> found;
    std::set<std::uint64_t> seen{uid};
    const auto step = [&](std::uint64_t from, std::uint64_t distance) {
        for (const auto& [to, revision] : edges_of_node(from)) {
            const Node* node = live(to);
            if (node && seen.insert(to).second) found.push_back({node, distance});
        }
    };
    step(uid, 1);
    for (std::size_t next = 0; next < found.size(); ++next)   // grows meanwhile
        step(found[next].node->uid, found[next].distance + 1);
    return found;
}

std::vector<Relative> NodeTree::ancestors(std::uint64_t uid) const {
    return walk(uid, [this](std::uint64_t from) -> const Edges& { return parents(from); });
}

// See pubsub/model/node_tree.hpp.

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
