// pubsub/decide/publish.cpp: publish and retract items (XEP-0060 §7).
#include "pubsub/decide/publish.hpp"

#include "pubsub/decide/collections/collections.hpp"
#include "pubsub/decide/concealment.hpp"
#include "pubsub/decide/deeds.hpp"
#include "pubsub/decide/grant.hpp"
#include "pubsub/decide/node_creation.hpp"
#include "pubsub/decide/subtopics.hpp"
#include "pubsub/errors.hpp"
#include "pubsub/model/events.hpp"
#include "pubsub/model/retention.hpp"
#include "pubsub/options/node_fields.hpp"
#include "pubsub/options/node_form.hpp"
#include "pubsub/pages/account_nodes.hpp"
#include "pubsub/requests/requests.hpp"
#include "xml/namespaces.hpp"

namespace grid::pubsub {

using storage::Batch;
using storage::Family;

namespace {

// The guards of a publish.

/// The ground on which the actor publishes: its affiliation (start_batch expects it anyway) or a
/// subscription.
struct PublishRight {
    bool is_given = false;
    const Subscriptions::value_type* subscription = nullptr;
};

PublishRight publish_right(const Granted& granted) {
    const Node& node = *granted.node;
    if (granted.is_owner() || is_publishing(granted.affiliation)) return {true, nullptr};
    if (granted.affiliation == Affiliation::Outcast) return {};
    if (node.config().publish_model == PublishModel::Open) return {true, nullptr};
    if (node.config().publish_model != PublishModel::Subscribers) return {};
    if (!is_contact_or_listed(*granted.contacts, node, granted.bare)) return {};
    PublishRight right;
    node.each_subscription_of_account(granted.bare, [&](const auto& entry) {
        if (!node.delivers_to(entry.first.jid, entry.second)) return;
        right = {true, &entry};
    });
    return right;
}

std::optional<xml::StanzaError> check_takes_items(const BrokerState& broker, const Node& node) {
    if (node.config().is_collection())
        return unsupported("publish", "A collection has no items of its own.");
    if (!node.topic || !is_filtered_by_broker(broker, *node.topic)) return std::nullopt;
    return refuse(
        Errc::NotAllowed, "The broker filters for this topic: publish to '" +
                              std::string(node.governing_name()) + "' alone."
    );
}

std::optional<xml::StanzaError> check_publisher(
    const BrokerState& broker,
    const Context& context,
    const Publish& request,
    const PublishRight& right
) {
    if (!right.is_given) {
        note_refusal(
            broker, context, Right::Publish, request.node, {false, "publish model of the node"}
        );
        return refuse(Errc::Forbidden, "You are not a publisher of this node.");
    }
    return std::nullopt;
}

std::optional<xml::StanzaError> check_options(
    const BrokerState& broker, const Context& context, const Node& node, const Publish& request
) {
    if (!request.preconditions) return std::nullopt;
    const Settings& settings = broker.settings_of(node.name());
    if (auto error = check_preconditions(node.config(), *request.preconditions, settings))
        return error;
    return check_parents(broker, context, node, *request.preconditions);
}

/// The matrix of §4.3, and §7.1.3.7.
std::optional<xml::StanzaError> check_shape(const Publish& request, const NodeConfig& config) {
    if (!config.persist_items && !config.deliver_payloads) {
        if (!request.has_item) return std::nullopt;
        return refuse(Errc::ItemForbidden, "This node only notifies: publish without an item.");
    }
    // §7.1.3.7: an item is for nodes that persist them, a payload for those that deliver it.
    if (!request.has_item && config.persist_items)
        return refuse(Errc::ItemRequired, "Publish an item to this node.");
    if (config.deliver_payloads && request.payload.empty())
        return refuse(Errc::PayloadRequired, "Items of this node have a payload.");
    return std::nullopt;
}

/// §7.1.3.5, §7.1.3.6: size and namespace.
std::optional<xml::StanzaError> check_payload(const Publish& request, const NodeConfig& config) {
    if (request.payload.empty()) return std::nullopt;
    if (request.payload.size() > config.max_payload_size)
        return refuse(
            Errc::PayloadTooBig, "The payload has " + std::to_string(request.payload.size()) +
                                     " bytes; at most " + std::to_string(config.max_payload_size) +
                                     " are taken."
        );
    if (config.type.empty() || request.payload_ns == config.type) return std::nullopt;
    if (request.payload_ns == xml::ns::pubsub.uri())
        return refuse(
            Errc::InvalidPayload,
            "The payload declares no namespace of its own; this node takes '" + config.type +
                "': write xmlns='" + config.type + "' on the payload."
        );
    return refuse(
        Errc::InvalidPayload, "The payload is in namespace '" + request.payload_ns +
                                  "'; this node takes '" + config.type + "'."
    );
}

/// nullopt: the payload fits the schema in force, or the topic has none. Else a refusal, or work
/// that finds out.
std::optional<Decision> check_schema(
    const BrokerState& broker, std::string_view topic, const Publish& request
) {
    if (!request.checked) return std::nullopt;
    const std::uint64_t in_force = broker.schemas->in_force(topic);
    if (in_force == 0) return std::nullopt;
    const std::shared_ptr<SchemaCheck>& checked = request.checked;
    // A check against an earlier schema does not count: the schema in force now decides.
    if (checked->topic != topic || checked->revision != in_force)
        return Decision::Work{[&schemas = *broker.schemas, checked, name = std::string(topic),
                               &payload = request.payload] {
            *checked = schemas.check(name, payload);
        }};
    if (checked->problem.empty()) return std::nullopt;
    return Decision(refuse(Errc::InvalidPayload, checked->problem));
}

/// §7.1.2.5: a new id on a full node that rejects.
std::optional<xml::StanzaError> check_room(
    const BrokerState& broker, const Context& context, const Node& node, const std::string& id
) {
    if (!node.config().persist_items) return std::nullopt;
    if (node.config().publish_node_full != NodeFull::Reject) return std::nullopt;
    const std::size_t first = node.first_visible(broker.settings, context.now);
    const auto rank = node.items.rank_of(id);
    if (rank && *rank >= first) return std::nullopt;   // replaced
    if (node.items.size() - first < node.max_items(broker.settings)) return std::nullopt;
    return refuse(Errc::NodeFull, "The node is full; retract something first.");
}

/// Whether the index of items takes one more of that id, of that publisher; else the bound that
/// does not let it. `node`: null for one that the batch makes.
std::optional<xml::StanzaError> check_index_room(
    const BrokerState& broker,
    const Node* node,
    const NodeConfig& config,
    std::string_view id,
    std::string_view publisher
) {
    if (!config.persist_items) return std::nullopt;
    const Settings& most = broker.settings;
    if (node && node->items.find(id)) return std::nullopt;
    const std::uint64_t bytes = Memory::index_bytes(id);
    // A full node hides an item for each new one, and background batches erase the hidden ones:
    // these count apart, so that a publisher of full nodes is not stopped by earlier items.
    const bool is_full = node && node->items.size() - node->hidden(most) >= node->max_items(most);
    const std::uint64_t share = most.item_index_bytes_per_account_max * (is_full ? 2 : 1);
    if (broker.memory.index_bytes_of(publisher) + bytes > share)
        return refuse(
            Errc::ResourceConstraint,
            "The index of this account's items has " +
                std::to_string(most.item_index_bytes_per_account_max) +
                " bytes, as many as it may (pubsub.item_index_bytes_per_account_max): retract some."
        );
    if (broker.memory.index_bytes() + bytes > most.item_index_bytes_max)
        return refuse(
            Errc::ResourceConstraint, "The index of all items has " +
                                          std::to_string(most.item_index_bytes_max) +
                                          " bytes, as many as it may (pubsub.item_index_bytes_max)."
        );
    return std::nullopt;
}

// The effects of a publish.

/// The batch rests on the schema in force, which the payload was checked against.
void expect_schema(
    const BrokerState& broker, std::string_view topic, const Publish& request, Batch& batch
) {
    if (!request.checked || broker.schemas->in_force(topic) == 0) return;
    broker.schemas->expect(batch, topic);
}

void expect_right(const Node& node, const PublishRight& right, Batch& batch) {
    if (!right.subscription) return;
    const auto& [key, subscription] = *right.subscription;
    batch.expect(
        Family::Control, subscription_key(node.uid, key.jid, key.subid), subscription.revision
    );
}

/// The guard makes two publishes meet that would both take the last place of a node.
void expect_room(const Node& node, Batch& batch) {
    const bool is_limited = node.config().publish_node_full == NodeFull::Reject;
    if (!is_limited || !node.config().persist_items) return;
    batch.expect(Family::Control, guard_key(node.uid), node.guard);
    batch.put(Family::Control, guard_key(node.uid), "");
}

/// §7.1.2: of the publisher, or of the request where it gives none. Empty: there is no item.
std::string item_id(const Context& context, const Publish& request) {
    if (request.id) return *request.id;
    return request.has_item ? context.fresh_id : std::string();
}

void put_item(
    Batch& batch,
    const Node& node,
    const Publish& request,
    const std::string& id,
    const std::string& publisher
) {
    ItemRecord item{publisher, static_cast<std::uint32_t>(request.payload.size()), 0};
    const std::uint64_t epoch = node.epoch();
    if (const auto old = node.items.find(id)) {
        // XEP-0413: an item that is published again keeps its date of creation.
        item.created = node.items.created(old->revision);
        // The payload that it replaces goes with it; of publishes that overlap, in the background.
        if (old->payload_bytes > 0)
            batch.erase(Family::Payload, payload_key(node.uid, epoch, old->revision));
    }
    batch.put(Family::Index, item_key(node.uid, epoch, id), encode(item));
    if (!request.payload.empty())
        batch.put_at_revision(
            Family::Payload, payload_key(node.uid, epoch, 0), payload_revision_at, request.payload
        );
}

/// The namespace of the first payload becomes the node's type, if none was configured (RFC 8600 §5:
/// `pubsub#type`).
bool teaches_type(const Publish& request, const NodeConfig& config) {
    return config.type.empty() && !request.payload.empty() && !request.payload_ns.empty() &&
           request.payload_ns != xml::ns::pubsub.uri();
}

void put_learned_type(const Node& node, const Publish& request, Batch& batch) {
    NodeRecord record = node.record;
    record.config.type = request.payload_ns;
    record.is_type_learned = true;
    batch.put(Family::Control, node_key(node.uid), encode(record));
}

/// §7.1.2: names the item that the publisher did not name.
Reply publish_reply(const Publish& request, const std::string& id) {
    if (!request.has_item || request.id) return {};
    return xml::Element(
        "pubsub", xml::ns::pubsub, {},
        xml::Element("publish", {{"node", request.node}}, xml::Element("item", {{"id", id}}))
    );
}

// Publishing to a node that does not exist makes it (§7.1.4), as publish-options want it (§7.1.5).

constexpr std::uint64_t first_epoch = 1;

/// Preconditions that cannot be made true are not met.
Checked<NodeConfig> configure_as_wished(
    const BrokerState& broker, const Context& context, const Publish& request
) {
    if (request.preconditions)
        for (const xml::FormField& field : request.preconditions->fields)
            if (field.var != "FORM_TYPE" && field.var != "pubsub#collection" &&
                !find_config_field(field.var))
                return refuse(Errc::PreconditionNotMet, field.var + " is not known here.");
    std::optional<xml::Form> wishes = request.preconditions;
    if (wishes)
        std::erase_if(wishes->fields, [](const auto& field) { return field.var == "FORM_TYPE"; });
    auto config = configure_new(broker, context, request.node, wishes);
    if (!config) return refuse(Errc::PreconditionNotMet, config.error().text);
    if (config->is_collection())
        return unsupported("publish", "A collection has no items of its own.");
    return config;
}

std::string type_wished(
    const BrokerState& broker, const Publish& request, const Checked<NodeConfig>& config
) {
    return config ? config->type
                  : default_config(broker.settings_of(request.node), request.node).type;
}

void put_first_item(
    Batch& batch, const Publish& request, const std::string& id, const std::string& publisher
) {
    const ItemRecord item{publisher, static_cast<std::uint32_t>(request.payload.size()), 0};
    batch.put_at_revision(
        Family::Index, item_key(uid_of_this_batch, first_epoch, id), uid_at, encode(item)
    );
    if (request.payload.empty()) return;
    batch.put_at_revision(
        Family::Payload, payload_key(uid_of_this_batch, first_epoch, 0), payload_revision_at,
        request.payload
    );
    batch.operations.back().also_revision_at = payload_uid_at;
}

Decision publish_to_new(const BrokerState& broker, const Context& context, const Publish& request) {
    auto config = configure_as_wished(broker, context, request);
    auto granted =
        grant_creation(broker, context, request.node, type_wished(broker, request, config));
    if (!granted) return granted.error();
    if (!config) return config.error();
    if (auto error = check_shape(request, *config)) return *error;
    if (auto error = check_payload(request, *config)) return *error;
    if (auto unfit = check_schema(broker, request.node, request)) return std::move(*unfit);
    const bool is_type_learned = teaches_type(request, *config);
    if (is_type_learned) config->type = request.payload_ns;
    auto batch = start_creation(
        broker, context, request.node, *config, request.preconditions, is_type_learned
    );
    if (!batch) {
        // A collection that it cannot be in is one more wish that cannot be made true.
        if (has_code(batch.error(), Errc::ItemNotFound) ||
            has_code(batch.error(), Errc::GraphRefused))
            return refuse(Errc::PreconditionNotMet, batch.error().text);
        return batch.error();
    }
    const std::string id = item_id(context, request);
    if (auto error = check_index_room(broker, nullptr, *config, id, granted->bare)) return *error;
    if (auto error = check_account_room(broker, request.node, id, request.payload.size()))
        return *error;

    expect_schema(broker, request.node, request, *batch);
    ItemPublished event{uid_of_this_batch, request.has_item, id, granted->bare, {}, {}};
    if (config->persist_items)
        put_first_item(*batch, request, id, granted->bare);
    else
        event.payload = request.payload;
    batch->event += encode(event);
    tell(context, {Right::Create, "create", {}, "by a publish", {}});
    return commit(broker, context, *granted, std::move(*batch), publish_reply(request, id));
}

/// No node of that name may be published to: publishing makes one, or `refusal` stands.
Decision publish_to_absent(
    const BrokerState& broker,
    const Context& context,
    const Publish& request,
    xml::StanzaError refusal
) {
    if (find_governing(broker, request.node) != nullptr)
        return refuse_auto_create(broker, context, request, std::move(refusal));
    if (broker.settings_of(request.node).auto_create && has_code(refusal, Errc::ItemNotFound))
        return publish_to_new(broker, context, request);
    return refusal;
}

// Retracting (§7.2).

std::optional<xml::StanzaError> check_retractor(const Granted& granted) {
    if (granted.is_owner() || publish_right(granted).is_given) return std::nullopt;
    return refuse(Errc::Forbidden, "You are not a publisher of this node.");
}

std::optional<xml::StanzaError> check_keeps_items(const Node& node) {   // §7.2.3.5
    if (node.config().persist_items && !node.config().is_collection()) return std::nullopt;
    return unsupported("persistent-items", "This node keeps no items.");
}

/// Items that max_items hides are kept, for the archive and for absent subscribers: a mistake can
/// be taken back there, too.
std::optional<ItemView> find_retractable(
    const BrokerState& broker, const Context& context, const Node& node, const std::string& id
) {
    const auto rank = node.items.rank_of(id);
    if (!rank || *rank < node.first_retained(broker.settings, context.now)) return std::nullopt;
    return node.items.find(id);
}

/// Subscribers with a filter hear of a retraction if their filter had let the item through: the
/// item is read, and the request decided again.
Decision look_at_retracted(
    const BrokerState& broker, const Node& node, const Retract& request, const ItemView& item
) {
    WantedExtract wanted{{node.uid, node.epoch(), request.id, item.revision}, node.name()};
    return Decision::Work{
        {},
        [&broker, wanted = std::move(wanted), found = request.found](const auto& snapshot) {
            *found = find_extract(snapshot, wanted, *broker.filter, broker.faults);
        }
    };
}

}   // namespace

Decision decide(const BrokerState& broker, const Context& context, const Publish& request) {
    auto granted = grant(broker, context, Right::Publish, request.node);
    if (!granted) return publish_to_absent(broker, context, request, granted.error());
    const Node& node = *granted->node;
    const NodeConfig& config = node.config();
    const std::string_view topic = node.governing_name();
    const std::string& publisher = granted->bare;
    const PublishRight right = publish_right(*granted);
    const std::string id = item_id(context, request);

    // The first of these that a publish breaks is told (§7.1.3).
    if (auto error = check_takes_items(broker, node)) return *error;                    // §7.1.3.2
    if (auto error = check_publisher(broker, context, request, right)) return *error;   // §7.1.3.1
    if (auto error = check_options(broker, context, node, request)) return *error;      // §7.1.5
    if (auto error = check_shape(request, config)) return *error;                       // §7.1.3.7
    if (auto error = check_payload(request, config)) return *error;   // §7.1.3.5, .6
    if (auto unfit = check_schema(broker, topic, request)) return std::move(*unfit);   // §7.1.3.6
    if (auto error = check_room(broker, context, node, id)) return *error;             // §7.1.3.4
    if (auto error = check_index_room(broker, &node, config, id, publisher)) return *error;
    if (auto error = check_account_room(broker, request.node, id, request.payload.size()))
        return *error;

    Batch batch = start_batch(*granted);
    expect_schema(broker, topic, request, batch);
    expect_right(node, right, batch);
    expect_room(node, batch);
    ItemPublished event{node.uid, request.has_item, id, publisher, {}, {}};
    if (config.persist_items)
        put_item(batch, node, request, id, publisher);
    else
        event.payload = request.payload;
    if (teaches_type(request, config))
        put_learned_type(node, request, batch);
    else
        batch.is_volatile = !config.persist_items;
    auto extracted = extract_attributes(broker, node, request, batch);
    if (!extracted) return extracted.error();
    event.extracted = std::move(*extracted);
    batch.event = encode(event);
    return commit(broker, context, *granted, std::move(batch), publish_reply(request, id));
}

Decision decide(const BrokerState& broker, const Context& context, const Retract& request) {
    auto granted = grant(broker, context, Right::Publish, request.node);
    if (!granted) return granted.error();
    const Node& node = *granted->node;
    if (auto error = check_retractor(*granted)) return *error;
    if (auto error = check_keeps_items(node)) return *error;
    const auto item = find_retractable(broker, context, node, request.id);
    if (!item)
        return refuse(Errc::ItemNotFound, "There is no item '" + request.id + "' in this node.");
    const bool may_any = granted->is_owner();
    if (!may_any && broker.memory.publisher(*item) != granted->bare)
        return refuse(Errc::Forbidden, "Only its publisher and owners may retract this item.");
    const bool is_asked_for = item->payload_bytes > 0 && needs_extracts(broker, node);
    if (is_asked_for && request.found->revision != item->revision)
        return look_at_retracted(broker, node, request, *item);

    Batch batch = start_batch(*granted);
    const std::string key = item_key(node.uid, node.epoch(), request.id);
    // The right rests on who published the item; an owner's does not.
    if (!may_any) batch.expect(Family::Index, key, item->revision);
    if (item->payload_bytes > 0)
        batch.erase(Family::Payload, payload_key(node.uid, node.epoch(), item->revision));
    batch.erase(Family::Index, key);
    pin_hidden_boundary(batch, broker.settings, node);
    const bool is_notified = request.is_notified || node.config().notify_retract;
    ItemsRetracted event{node.uid, is_notified, {request.id}};
    event.extracted.push_back(
        is_asked_for ? request.found->extracted : std::optional<std::string>("")
    );
    batch.event = encode(event);
    return commit(broker, context, *granted, std::move(batch));
}

xml::StanzaError refuse_auto_create(
    const BrokerState& broker,
    const Context& context,
    const Publish& request,
    xml::StanzaError missing
) {
    if (!broker.settings_of(request.node).auto_create || !has_code(missing, Errc::ItemNotFound))
        return missing;
    const auto config = configure_as_wished(broker, context, request);
    const auto granted =
        grant_creation(broker, context, request.node, type_wished(broker, request, config));
    return granted ? missing : granted.error();
}

// Filters and schemas look at a payload (§7.1.3.6) before the publish is decided.

void ask_about_payload(const BrokerState& broker, const IqRequest& request, Publish& publish) {
    if (publish.payload.empty()) return;
    const xml::Element* item = request.payload->child("publish");
    item = item ? item->child("item") : nullptr;
    const xml::Element* payload = item ? item->first_child() : nullptr;
    if (broker.filter && payload)
        publish.extracted = broker.filter->extract(publish.node, *payload);
    if (!broker.schemas) return;
    publish.checked =
        std::make_shared<SchemaCheck>(broker.schemas->check(publish.node, publish.payload));
}

}   // namespace grid::pubsub
