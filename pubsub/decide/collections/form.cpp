// pubsub/decide/collections/form.cpp: the graph of collections as fields of forms; see
// pubsub/decide/collections/collections.hpp.
#include <algorithm>
#include <set>

#include "pubsub/decide/collections/collections.hpp"
#include "pubsub/errors.hpp"

namespace grid::pubsub {

namespace {

void fill(
    xml::FormField& field,
    const BrokerState& broker,
    const Context& context,
    const std::vector<const Node*>& nodes
) {
    for (const Node* node : nodes)
        if (may_discover(broker, context.actor, *node)) field.values.push_back(node->name());
    std::sort(field.values.begin(), field.values.end());
    // COMPAT(xmpp-grid-broker 2018): as in the other fields.
    if (field.values.empty() && broker.settings.empty_set) field.values.emplace_back();
}

}   // namespace

xml::FormField parents_field(const BrokerState& broker, const Context& context, const Node& node) {
    xml::FormField field{
        "pubsub#collection", "", "The collections of which this node is a child", {}, {}
    };
    fill(field, broker, context, broker.memory.tree().live_parents(node.uid));
    // The root is the empty value of a text; a list of it would be one collection without a name.
    if (field.values.empty()) field.values.emplace_back();
    // COMPAT(xmpp-grid-broker 2018): it takes one parent as a text and several as a list.
    field.type = field.values.size() == 1 ? "text-single" : "text-multi";
    return field;
}

void add_graph_fields(
    xml::Form& form,
    const BrokerState& broker,
    const Context& context,
    const Node* node,
    bool is_collection
) {
    const NodeTree& tree = broker.memory.tree();
    xml::FormField parents{
        "pubsub#collection", "text-multi", "The collections of which this node is a child", {}, {}
    };
    fill(
        parents, broker, context, node ? tree.live_parents(node->uid) : std::vector<const Node*>()
    );
    form.fields.push_back(std::move(parents));
    if (!is_collection) return;
    std::vector<const Node*> nodes;
    if (node) {
        if (tree.list_of(node->uid).size() > broker.settings.page_max) return;
        for (const auto& block : tree.list_of(node->uid).blocks())
            nodes.insert(nodes.end(), block->nodes.begin(), block->nodes.end());
    }
    xml::FormField children{
        "pubsub#children", "text-multi", "The nodes of which this node is a parent", {}, {}
    };
    fill(children, broker, context, nodes);
    form.fields.push_back(std::move(children));
}

std::optional<xml::StanzaError> check_parents(
    const BrokerState& broker,
    const Context& context,
    const Node& node,
    const xml::Form& preconditions
) {
    const xml::FormField* field = preconditions.field("pubsub#collection");
    if (!field) return std::nullopt;
    std::set<std::string> wanted(field->values.begin(), field->values.end());
    wanted.erase("");
    std::set<std::string> parents;
    // As disco#info shows them: collections that the publisher may not discover are none.
    for (const Node* parent : broker.memory.tree().live_parents(node.uid))
        if (may_discover(broker, context.actor, *parent)) parents.insert(parent->name());
    if (wanted == parents) return std::nullopt;
    return refuse(Errc::PreconditionNotMet, "pubsub#collection: the node is elsewhere.");
}

}   // namespace grid::pubsub
