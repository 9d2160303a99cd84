// pubsub/decide/collections/collections.cpp: nodes come into collections and leave them (XEP-0248
// §7.5, §7.6).
#include "pubsub/decide/collections/collections.hpp"

#include <algorithm>

#include "pubsub/errors.hpp"
#include "pubsub/model/events.hpp"
#include "pubsub/requests/requests.hpp"

namespace grid::pubsub {

using storage::Batch;
using storage::Family;

Decision decide(const BrokerState& broker, const Context& context, const Associate& request) {
    GraphChange graph(broker, context);
    for (const Associate::Change& change : request.changes) {
        auto error = change.is_added ? graph.associate(request.collection, change.node)
                                     : graph.dissociate(request.collection, change.node);
        if (error) return *error;
    }
    storage::Batch batch;
    if (auto error = graph.write(batch)) return *error;
    if (batch.operations.empty()) return Reply{};   // all of them are there already
    Granted granted;
    granted.node = broker.memory.find(request.collection);
    granted.operation = Right::Manage;
    granted.name = request.collection;
    granted.bare = context.actor.jid.bare_view();
    granted.verdict = {true, "owner of the node or let in by the collection"};
    return commit(broker, context, granted, std::move(batch));
}

// See pubsub/decide/collections/collections.hpp.

namespace {

constexpr std::size_t edges_per_request_max = 40;   // two records each fit into one batch

xml::StanzaError not_allowed_here(const std::string& collection) {
    return refuse(
        Errc::AssociationForbidden,
        "You may not change what is in the collection '" + collection + "'."
    );
}

xml::StanzaError too_many_edges() {
    return refuse(Errc::NotAcceptable, "At most 40 associations change in one request.");
}

/// The names in a form field, each once; an empty one is the root.
std::set<std::string> names_in(const xml::FormField& field) {
    std::set<std::string> names(field.values.begin(), field.values.end());
    names.erase("");
    return names;
}

}   // namespace

bool GraphChange::owns(const Node& node) const {
    if (is_trusted(broker_, context_.actor)) return true;
    if (node.affiliation(context_.actor.jid.bare_view()) != Affiliation::Owner) return false;
    return broker_.policy
        .check(context_.actor, Right::Manage, node.governing_name(), node.rights().config().type)
        .allowed;
}

bool GraphChange::is_let_in(const Node& collection) const {
    const std::string_view bare = context_.actor.jid.bare_view();
    const NodeConfig& config = collection.config();
    if (collection.affiliation(bare) == Affiliation::Outcast) return false;
    if (config.children_association_policy == AssociationPolicy::All) return true;
    if (config.children_association_policy == AssociationPolicy::Owners) return false;
    const auto& list = config.children_association_whitelist;
    return std::any_of(list.begin(), list.end(), [&](const std::string& jid) {
        return bare_of(jid) == bare;
    });
}

/// A collection into which the actor may put nodes. The policy is asked first, by name: to put a
/// node into somebody's collection is a publication there.
Checked<GraphEnd> GraphChange::find_collection(const std::string& name) const {
    const Node* node = broker_.memory.find(name);
    if (!node || !owns(*node)) {
        const auto may_publish = [&](const std::string& type) {
            return is_trusted(broker_, context_.actor) ||
                   broker_.policy.allows(context_.actor, Right::Publish, name, type);
        };
        const bool is_let_in_here = node && node->config().is_collection() &&
                                    may_publish(node->config().type) && is_let_in(*node);
        // A collection that is of no use to the actor, and unknown to it, is not there.
        if (node && !is_let_in_here && !knows(broker_, context_.actor, *node)) node = nullptr;
        if (!may_publish(node ? node->config().type : std::string())) return not_allowed_here(name);
        if (!node) return refuse(Errc::ItemNotFound, "There is no node '" + name + "'.");
        if (node->config().is_collection() && !is_let_in_here) return not_allowed_here(name);
    }
    if (!node->config().is_collection())
        return refuse(
            Errc::GraphRefused, "'" + name + "' is a leaf: only collections have children."
        );
    return GraphEnd{node, &node->config()};
}

/// A node that the actor may put somewhere: otherwise any account could take others' nodes out of
/// the list at the root, into a collection of its own.
Checked<GraphEnd> GraphChange::find_own(const std::string& name) const {
    const Node* node = broker_.memory.find(name);
    if (node && !owns(*node) && !knows(broker_, context_.actor, *node)) node = nullptr;
    const bool may_know = node || is_trusted(broker_, context_.actor) ||
                          broker_.policy.allows(context_.actor, Right::Discover, name, {});
    if (may_know && !node) return refuse(Errc::ItemNotFound, "There is no node '" + name + "'.");
    if (!may_know || !owns(*node))
        return refuse(Errc::AssociationForbidden, "You do not own '" + name + "'.");
    return GraphEnd{node, &node->config()};
}

void GraphChange::add(const GraphEnd& parent, const GraphEnd& child) {
    // A form that names what it did not show.
    if (parent.node && child.node && broker_.memory.tree().edge(parent.uid(), child.uid()) != 0)
        return;
    for (const Edge& edge : added_)
        if (is_edge(edge, parent.uid(), child.uid())) return;
    added_.emplace_back(parent, child);
}

void GraphChange::remove(const GraphEnd& parent, const GraphEnd& child) {
    removed_.emplace_back(parent, child);
}

std::optional<xml::StanzaError> GraphChange::take_form(
    const GraphEnd& subject, const xml::Form& form
) {
    const NodeTree& tree = broker_.memory.tree();
    if (const xml::FormField* field = form.field("pubsub#collection")) {
        std::set<std::string> wanted = names_in(*field);
        const auto now =
            subject.node ? tree.live_parents(subject.uid()) : std::vector<const Node*>();
        for (const Node* parent : now) {
            // A parent that the form did not show to this actor was not taken out of it, and
            // naming it does not tell whether it is there.
            if (!may_discover(broker_, context_.actor, *parent) && !owns(*parent)) continue;
            if (wanted.erase(parent->name()) == 1) continue;
            remove({parent, &parent->config()}, subject);
        }
        if (wanted.size() > edges_per_request_max) return too_many_edges();
        for (const std::string& name : wanted) {
            auto parent = find_collection(name);
            if (!parent) return parent.error();
            add(*parent, subject);
        }
    }
    const xml::FormField* field = form.field("pubsub#children");
    if (!field) return std::nullopt;
    std::set<std::string> wanted = names_in(*field);
    if (!subject.config->is_collection()) {
        if (wanted.empty()) return std::nullopt;
        return refuse(Errc::GraphRefused, "A leaf has no children: make it a collection.");
    }
    if (subject.node)
        for (const auto& [uid, revision] : tree.children(subject.uid())) {
            const Node* child = broker_.memory.find(uid);
            if (!child || child->record.is_deleted) continue;
            if (!may_discover(broker_, context_.actor, *child) && !owns(*child)) continue;
            if (wanted.erase(child->name()) == 1) continue;
            if (removed_.size() > edges_per_request_max) return too_many_edges();
            remove(subject, {child, &child->config()});
        }
    if (wanted.size() + removed_.size() > edges_per_request_max) return too_many_edges();
    for (const std::string& name : wanted) {
        auto child = find_own(name);
        if (!child) return child.error();
        add(subject, *child);
    }
    return std::nullopt;
}

std::optional<xml::StanzaError> GraphChange::associate(
    const std::string& parent_name, const std::string& child_name
) {
    auto parent = find_collection(parent_name);
    if (!parent) return parent.error();
    auto child = find_own(child_name);
    if (!child) return child.error();
    if (broker_.memory.tree().edge(parent->uid(), child->uid()) == 0) add(*parent, *child);
    return std::nullopt;
}

std::optional<xml::StanzaError> GraphChange::dissociate(
    const std::string& parent_name, const std::string& child_name
) {
    const Node* parent = broker_.memory.find(parent_name);
    const Node* child = broker_.memory.find(child_name);
    const bool is_owner = (parent && owns(*parent)) || (child && owns(*child));
    // An actor who owns neither node gets the same error whether or not they exist.
    if (!is_owner && (!is_trusted(broker_, context_.actor) || (parent && child)))
        return not_allowed_here(parent_name);
    // Nor may the owner of one of them learn that the other exists, unless it may discover it.
    const bool is_linked =
        parent && child && broker_.memory.tree().edge(parent->uid, child->uid) != 0;
    for (const auto* end : {&parent_name, &child_name}) {
        const Node* node = end == &parent_name ? parent : child;
        if (!node || (!owns(*node) && !may_discover(broker_, context_.actor, *node)))
            return refuse(Errc::ItemNotFound, "There is no node '" + *end + "'.");
    }
    if (!is_linked)
        return refuse(
            Errc::BadRequest, "'" + child_name + "' is not in the collection '" + parent_name + "'."
        );
    remove({parent, &parent->config()}, {child, &child->config()});
    return std::nullopt;
}

/// The node as it is, and what the actor is to it.
void GraphChange::expect_node(Batch& batch, const GraphEnd& end) {
    if (!end.node || !expected_.insert(end.uid()).second) return;
    const std::string_view bare = context_.actor.jid.bare_view();
    batch.expect(Family::Control, node_key(end.uid()), end.node->revision);
    batch.expect(
        Family::Control, affiliation_key(end.node->rights().uid, bare),
        end.node->affiliation_revision(bare)
    );
}

std::optional<xml::StanzaError> GraphChange::write(Batch& batch) {
    if (added_.size() + removed_.size() > edges_per_request_max) return too_many_edges();
    bool may_close_cycle = false;
    std::set<std::uint64_t> guarded;
    for (const auto& [parent, child] : removed_) {
        const std::string key = edge_key(parent.uid(), child.uid());
        expect_node(batch, parent);
        expect_node(batch, child);
        batch.expect(Family::Control, key, broker_.memory.tree().edge(parent.uid(), child.uid()));
        batch.erase(Family::Control, key);
        batch.event += encode(Associated{parent.uid(), child.uid(), false});
    }
    for (const Edge& edge : added_) {
        const auto& [parent, child] = edge;
        if (auto error = check_edge(edge)) return error;
        if (auto error = check_room(parent)) return error;
        may_close_cycle = may_close_cycle || has_children(child);
        expect_node(batch, parent);
        expect_node(batch, child);
        std::string key = edge_key(parent.uid(), child.uid());
        if (parent.node && child.node) {
            batch.expect(Family::Control, key, 0);
            batch.put(Family::Control, std::move(key), "");
        } else {
            const std::int32_t at = parent.node ? edge_child_at : uid_at;
            batch.put_at_revision(Family::Control, std::move(key), at, "");
        }
        if (parent.node && guarded.insert(parent.uid()).second) {
            batch.expect(Family::Control, guard_key(parent.uid()), parent.node->guard);
            batch.put(Family::Control, guard_key(parent.uid()), "");
        }
        // A node that is made is told of as such (§5.3.1.2).
        if (child.node) batch.event += encode(Associated{parent.uid(), child.uid(), true});
    }
    if (may_close_cycle) {
        batch.expect(Family::Control, meta_key(graph_guard), broker_.memory.guard(graph_guard));
        batch.put(Family::Control, meta_key(graph_guard), "");
    }
    return std::nullopt;
}

}   // namespace grid::pubsub
