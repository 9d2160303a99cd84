// pubsub/decide/nodes.cpp: create, configure, delete and purge nodes (XEP-0060 §8.1–§8.5).
#include "pubsub/decide/collections/collections.hpp"
#include "pubsub/decide/deeds.hpp"
#include "pubsub/decide/grant.hpp"
#include "pubsub/decide/node_creation.hpp"
#include "pubsub/decide/subtopics.hpp"
#include "pubsub/errors.hpp"
#include "pubsub/model/events.hpp"
#include "pubsub/model/node.hpp"
#include "pubsub/model/retention.hpp"
#include "pubsub/options/node_form.hpp"
#include "pubsub/requests/requests.hpp"
#include "xml/namespaces.hpp"

namespace grid::pubsub {

using storage::Batch;
using storage::Family;

namespace {

/// A name that no node has: made from the request's own fresh id, so that deciding again gives the
/// same.
std::string instant_name(const Context& context) { return "instant-" + context.fresh_id; }

xml::Element form_reply(const char* element, const std::string& node, const xml::Form& form) {
    xml::Element inner(element, {}, form.to_element());
    if (!node.empty()) inner.set("node", node);
    return xml::Element("pubsub", xml::ns::pubsub_owner, {}, std::move(inner));
}

void put_node(Batch& batch, const Node& node, const NodeRecord& record) {
    batch.put(Family::Control, node_key(node.uid), encode(record));
}

/// Items of a new epoch begin; those of the present one are erased in the background.
void purge(Batch& batch, const Node& node) {
    NodeRecord record = node.record;
    ++record.epoch;
    put_node(batch, node, record);
    batch.put(Family::Control, trash_key(node.uid, node.record.epoch), "");
    batch.event = encode(NodePurged{node.uid});
    tell_purged_subtopics(node, batch);
}

}   // namespace

Decision decide(const BrokerState& broker, const Context& context, const CreateNode& request) {
    std::string name = request.node.value_or(instant_name(context));
    if (!request.node && !request.account.empty()) name = personal_name(request.account, name);
    auto config = configure_new(broker, context, name, request.configuration);
    const std::string type =
        config ? config->type : default_config(broker.settings_of(name), name).type;
    auto granted = grant_creation(broker, context, name, type);
    if (!granted) return granted.error();
    if (broker.memory.find(name))
        return refuse(Errc::NodeExists, "There is a node '" + name + "' already.");
    if (!config) return config.error();
    auto batch = start_creation(broker, context, name, *config, request.configuration);
    if (!batch) return batch.error();
    Reply reply;
    if (!request.node)   // §8.1.1: an instant node must be named
        reply =
            xml::Element("pubsub", xml::ns::pubsub, {}, xml::Element("create", {{"node", name}}));
    return commit(broker, context, *granted, std::move(*batch), std::move(reply));
}

Decision decide(
    const BrokerState& broker, const Context& context, const GetConfiguration& request
) {
    auto granted = grant_owner(broker, context, request.node);
    if (!granted) return granted.error();
    const NodeConfig& config = granted->node->config();
    xml::Form form = to_form(config, broker.settings_of(request.node), "form");
    if (!is_personal(request.node))
        add_graph_fields(form, broker, context, granted->node, config.is_collection());
    return Reply(form_reply("configure", request.node, form));
}

Decision decide(const BrokerState& broker, const Context& context, const GetDefault& request) {
    const bool is_account = !request.account.empty();
    if (is_account && request.is_collection)
        return unsupported("collections", "Nodes of an account are in no collection.");
    const Settings& settings = is_account ? broker.of_accounts : broker.settings;
    NodeConfig config = default_config(settings, {});
    if (request.is_collection) config.node_type = NodeType::Collection;
    xml::Form form = to_form(config, settings, "form");
    if (!is_account) add_graph_fields(form, broker, context, nullptr, config.is_collection());
    return Reply(form_reply("default", {}, form));
}

/// XEP-0248 §7.2.3.4, §7.2.4: a leaf may become a collection, which has no items; never back.
static std::optional<xml::StanzaError> change_kind(
    const BrokerState& broker, Batch& batch, const Node& node, NodeRecord& record
) {
    const bool is_collection = record.config.is_collection();
    if (is_collection == node.config().is_collection()) return std::nullopt;
    if (!is_collection) return refuse(Errc::GraphRefused, "A collection does not become a leaf.");
    // Filters are of a leaf's items: its subscribers would keep them for nothing.
    if (!node.subtopics.empty() || !node.filtered.empty() || is_filtered_by_broker(broker, node))
        return refuse(Errc::GraphRefused, "A topic with filters does not become a collection.");
    ++record.epoch;
    batch.put(Family::Control, trash_key(node.uid, node.record.epoch), "");
    if (node.items.size() > 0) batch.event += encode(NodePurged{node.uid});
    return std::nullopt;
}

namespace {

/// Rules may rest on the type: what one may not create one may not turn a node into, nor into what
/// one may not manage.
std::optional<xml::StanzaError> check_new_type(
    const BrokerState& broker,
    const Context& context,
    const Granted& granted,
    const std::string& type
) {
    if (granted.is_administrator || type == granted.node->config().type) return std::nullopt;
    const auto may = [&](Right operation, const std::string& of_type) {
        return broker.policy.check(context.actor, operation, granted.name, of_type);
    };
    for (const Right operation : {Right::Manage, Right::Create}) {
        const Verdict verdict = may(operation, type);
        // An owner that may not create nodes of the present type, either, was given this node by
        // another account: the policy's `create` does not speak of it.
        if (verdict.allowed || !may(operation, granted.node->config().type).allowed) continue;
        note_refusal(broker, context, operation, granted.name, verdict);
        return refuse(Errc::Forbidden, "The policy of this grid does not let you use this type.");
    }
    return std::nullopt;
}

/// Keeps in the record where its configuration comes from, if it differs from `before`.
void note_changes(NodeRecord& record, const NodeConfig& before) {
    const NodeConfig& now = record.config;
    if (now.type != before.type) record.is_type_learned = false;
    if (now.access_model != before.access_model || now.admission != before.admission)
        record.is_narrowed = narrows(now.access_model) && now.admission == Admission::Owner;
}

}   // namespace

Decision decide(const BrokerState& broker, const Context& context, const Configure& request) {
    auto granted = grant_owner(broker, context, request.node);
    if (!granted) return granted.error();
    if (request.form.type == "cancel") return Reply{};   // §8.2.4: all stays as it is
    const Node& node = *granted->node;
    if (auto error = check_own(node)) return *error;
    NodeRecord record = node.record;
    if (auto error = fill_in(record.config, request.form, broker.settings_of(request.node)))
        return *error;
    if (auto error = check_new_type(broker, context, *granted, record.config.type)) return *error;
    infer_admission(broker, context, request.form, record.config);
    note_changes(record, node.config());

    Batch batch = start_batch(*granted);
    if (auto error = change_kind(broker, batch, node, record)) return *error;
    put_node(batch, node, record);
    pin_hidden_boundary(batch, broker.settings, node);   // a higher max_items is for what comes
    batch.event += encode(NodeConfigured{node.uid, true});
    GraphChange graph(broker, context);
    if (auto error = graph.take_form({&node, &record.config}, request.form)) return *error;
    if (auto error = graph.write(batch)) return *error;
    return commit(broker, context, *granted, std::move(batch));
}

Decision decide(const BrokerState& broker, const Context& context, const DeleteNode& request) {
    auto granted = grant_owner(broker, context, request.node);
    if (!granted) return granted.error();
    const Node& node = *granted->node;
    if (auto error = check_own(node)) return *error;
    NodeRecord record = node.record;
    record.is_deleted = true;   // the gate: no publish in flight survives
    // A redirect that a deleted name leaves behind counts as a node would.
    if (!request.redirect.empty() && broker.memory.moved_names() >= broker.settings.nodes_max)
        return refuse(
            Errc::ResourceConstraint, "Too many nodes have moved; delete this one without redirect."
        );
    Batch batch = start_batch(*granted);
    put_node(batch, node, record);
    if (request.redirect.empty())
        batch.erase(Family::Control, name_key(request.node));
    else
        batch.put(
            Family::Control, name_key(request.node),
            encode(NameRecord{request.redirect, record.creator})
        );
    batch.put(Family::Control, trash_key(node.uid, record.epoch), "");
    batch.event = encode(NodeDeleted{node.uid, request.redirect});
    return commit(broker, context, *granted, std::move(batch));
}

Decision decide(const BrokerState& broker, const Context& context, const PurgeNode& request) {
    auto granted = grant_owner(broker, context, request.node);
    if (!granted) return granted.error();
    const Node& node = *granted->node;
    if (auto error = check_own(node)) return *error;
    // §8.5.3.3; items from before the node stopped to keep them may go.
    if ((!node.config().persist_items && node.items.size() == 0) || node.config().is_collection())
        return unsupported("persistent-items", "This node keeps no items.");
    Batch batch = start_batch(*granted);
    purge(batch, node);
    return commit(broker, context, *granted, std::move(batch));
}

Batch purge_node(const BrokerState& broker, const Node& node) {
    Batch batch;
    batch.expect(Family::Control, node_key(node.uid), node.revision);
    purge(batch, node);
    const Deed deed{Right::Manage, "purge", {}, "its publisher went offline", {}};
    broker.policy.record_allowed(batch, Principal::system(), {deed}, node.name(), {true, "system"});
    return batch;
}

// A node is switched off and on by an administrator.

std::optional<storage::Batch> switch_node(
    const BrokerState& broker, std::string_view name, bool is_enabled
) {
    const Node* node = broker.memory.find(name);
    if (node == nullptr) return std::nullopt;
    storage::Batch batch;
    if (node->record.is_switched_off == !is_enabled) return batch;
    // In the node's own record: every publish and every subscription expects that one anyway, so
    // that none which was decided before passes after.
    NodeRecord record = node->record;
    record.is_switched_off = !is_enabled;
    batch.expect(storage::Family::Control, node_key(node->uid), node->revision);
    batch.put(storage::Family::Control, node_key(node->uid), encode(record));
    return batch;
}

}   // namespace grid::pubsub
