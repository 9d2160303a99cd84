// pubsub/decide/collections/collections_rules.cpp: the rules of the graph of collections (XEP-0248
// §7.2): without cycles, no wider and no higher than it may be.
#include <algorithm>

#include "pubsub/decide/collections/collections.hpp"
#include "pubsub/errors.hpp"
#include "pubsub/model/node_tree.hpp"

namespace grid::pubsub {

namespace {

constexpr std::size_t parents_max = 32, ancestors_max = 256;

const std::string& name_of(const GraphEnd& end) {
    static const std::string made = "the new node";
    return end.node ? end.node->name() : made;
}

}   // namespace

/// Whether `to` is `from` or beneath it, when all this is done. Upwards: a collection may have very
/// many children, and a node has few parents.
bool GraphChange::reaches(const GraphEnd& from, std::uint64_t to) const {
    const NodeTree& tree = broker_.memory.tree();
    std::vector<std::uint64_t> open{to};
    std::set<std::uint64_t> seen(open.begin(), open.end());
    while (!open.empty()) {
        const std::uint64_t uid = open.back();
        open.pop_back();
        if (uid == from.uid()) return true;
        const auto visit = [&](std::uint64_t parent) {
            const auto is_this = [&](const Edge& edge) { return is_edge(edge, parent, uid); };
            if (std::none_of(removed_.begin(), removed_.end(), is_this) &&
                seen.insert(parent).second)
                open.push_back(parent);
        };
        if (uid != uid_of_this_batch)
            for (const auto& [parent, revision] : tree.parents(uid)) visit(parent);
        for (const Edge& edge : added_)
            if (edge.second.uid() == uid) visit(edge.first.uid());
    }
    return false;
}

bool GraphChange::has_children(const GraphEnd& end) const {
    if (end.node && !broker_.memory.tree().children(end.uid()).empty()) return true;
    return std::any_of(added_.begin(), added_.end(), [&](const Edge& edge) {
        return edge.first.uid() == end.uid();
    });
}

std::optional<xml::StanzaError> GraphChange::check_edge(const Edge& edge) const {
    const auto& [parent, child] = edge;
    if (reaches(child, parent.uid()))
        return refuse(
            Errc::GraphRefused, "'" + name_of(parent) + "' is in '" + name_of(child) +
                                    "' already: the graph must not have a cycle."
        );
    if (auto error = check_height(edge)) return error;
    const auto of_child = [&](const Edge& other) { return other.second.uid() == child.uid(); };
    std::size_t parents = child.node ? broker_.memory.tree().live_parents(child.uid()).size() : 0;
    parents += static_cast<std::size_t>(std::count_if(added_.begin(), added_.end(), of_child));
    parents -= static_cast<std::size_t>(std::count_if(removed_.begin(), removed_.end(), of_child));
    if (parents <= parents_max) return std::nullopt;
    return refuse(Errc::NotAcceptable, "A node is in at most 32 collections.");
}

/// The height is bounded: the recipients of an item are looked up in all collections above its
/// leaf.
std::optional<xml::StanzaError> GraphChange::check_height(const Edge& edge) const {
    const auto& [parent, child] = edge;
    const NodeTree& tree = broker_.memory.tree();
    const std::size_t added = 1 + (parent.node ? tree.ancestors(parent.uid()).size() : 0);
    std::size_t most = child.node ? tree.ancestors(child.uid()).size() : 0, looked_at = 0;
    if (child.node)
        walk_beneath(tree, child.uid(), [&](const Relative& relative) {
            if (!relative.node->config().is_collection()) return false;
            most = std::max(most, tree.ancestors(relative.node->uid).size());
            return ++looked_at < ancestors_max && most + added <= ancestors_max;
        });
    if (most + added <= ancestors_max && looked_at < ancestors_max) return std::nullopt;
    return refuse(
        Errc::NotAcceptable,
        "There may be 256 collections above a node, and no more; nor does a "
        "collection move that holds as many."
    );
}

/// §7.2.3.3.
std::optional<xml::StanzaError> GraphChange::check_room(const GraphEnd& collection) const {
    const auto of_parent = [&](const Edge& edge) { return edge.first.uid() == collection.uid(); };
    std::size_t children =
        collection.node ? broker_.memory.tree().list_of(collection.uid()).size() : 0;
    children += static_cast<std::size_t>(std::count_if(added_.begin(), added_.end(), of_parent));
    children -=
        static_cast<std::size_t>(std::count_if(removed_.begin(), removed_.end(), of_parent));
    const std::uint64_t most =
        std::min<std::uint64_t>(collection.config->children_max, broker_.settings.children_max);
    if (children <= most) return std::nullopt;
    return refuse(
        Errc::MaxNodesExceeded,
        "'" + name_of(collection) + "' has room for " + std::to_string(most) + " nodes."
    );
}

}   // namespace grid::pubsub
