// pubsub/decide/collections/collections.hpp: a request's changes in the graph of collections
// (XEP-0248 §7).
#pragma once

#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "pubsub/decide/grant.hpp"
#include "xml/form.hpp"

namespace grid::pubsub {

/// A node in the graph: one that is there, or the one that the batch makes.
struct GraphEnd {
    const Node* node = nullptr;           // null: made by this batch
    const NodeConfig* config = nullptr;   // as it will be
    std::uint64_t uid() const { return node ? node->uid : uid_of_this_batch; }
};

/// Collects edges to add and to remove, then checks them together and writes them.
///
/// A rule over many records has a guard: the children of a collection have the collection's own
/// (children_max), the graph has one for all (no cycle). A node without children makes no cycle, so
/// that leaves come into different collections without waiting for each other.
class GraphChange {
public:
    GraphChange(const BrokerState& broker, const Context& context)
        : broker_(broker), context_(context) {}

    /// `pubsub#collection` and `pubsub#children` of a node's configuration form, where they are in
    /// it: the whole of its parents and children. The actor is the node's owner.
    std::optional<xml::StanzaError> take_form(const GraphEnd& subject, const xml::Form& form);
    /// §7.5: the actor must be let in by the collection and own the child.
    std::optional<xml::StanzaError> associate(const std::string& parent, const std::string& child);
    /// §7.6: who owns either end.
    std::optional<xml::StanzaError> dissociate(const std::string& parent, const std::string& child);

    /// Adds the change to the batch; the error when the rules refuse it.
    std::optional<xml::StanzaError> write(storage::Batch& batch);

private:
    using Edge = std::pair<GraphEnd, GraphEnd>;   // parent, child

    static bool is_edge(const Edge& edge, std::uint64_t parent, std::uint64_t child) {
        return edge.first.uid() == parent && edge.second.uid() == child;
    }
    Checked<GraphEnd> find_collection(const std::string& name) const;
    Checked<GraphEnd> find_own(const std::string& name) const;
    bool owns(const Node& node) const;
    bool is_let_in(const Node& collection) const;
    void add(const GraphEnd& parent, const GraphEnd& child);
    void remove(const GraphEnd& parent, const GraphEnd& child);
    std::optional<xml::StanzaError> check_edge(const Edge& edge) const;
    std::optional<xml::StanzaError> check_height(const Edge& edge) const;
    std::optional<xml::StanzaError> check_room(const GraphEnd& collection) const;
    bool reaches(const GraphEnd& from, std::uint64_t to) const;
    bool has_children(const GraphEnd& end) const;
    void expect_node(storage::Batch& batch, const GraphEnd& end);

    const BrokerState& broker_;
    const Context& context_;
    std::vector<Edge> added_, removed_;
    std::set<std::uint64_t> expected_;
};

/// Appends `pubsub#collection`, and for a collection `pubsub#children`, as far as the actor may
/// know of them. Of more children than a page has there is no such field: disco#items lists them.
void add_graph_fields(
    xml::Form& form,
    const BrokerState& broker,
    const Context& context,
    const Node* node,
    bool is_collection
);
/// The parents as meta-data have them: text-single for one, text-multi for several.
xml::FormField parents_field(const BrokerState& broker, const Context& context, const Node& node);

/// §7.1.5: `pubsub#collection` as a precondition names the node's parents, all of them.
std::optional<xml::StanzaError> check_parents(
    const BrokerState& broker,
    const Context& context,
    const Node& node,
    const xml::Form& preconditions
);

}   // namespace grid::pubsub
