// pubsub/decide_auto_create.cpp: publishing to a node that does not exist makes it (XEP-0060
// §7.1.4), as publish-options want it (§7.1.5).
#include "pubsub/access.hpp"
#include "pubsub/concealment.hpp"
#include "pubsub/deeds.hpp"
#include "pubsub/errors.hpp"
#include "pubsub/events.hpp"
#include "pubsub/node_config_fields.hpp"
#include "pubsub/node_config_form.hpp"
#include "pubsub/node_creation.hpp"
#include "pubsub/publish_parts.hpp"

namespace grid::pubsub {

using storage::Batch;
using storage::Family;

namespace {

constexpr std::uint64_t first_epoch = 1;

/// Preconditions that cannot be made true are not met.
Checked<NodeConfig> configure_as_wished(
    const Broker& broker, const Context& context, const Publish& request
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

}   // namespace

xml::StanzaError refuse_auto_create(
    const Broker& broker, const Context& context, const Publish& request, xml::StanzaError missing
) {
    if (!broker.settings.auto_create || missing.condition != "item-not-found") return missing;
    const auto config = configure_as_wished(broker, context, request);
    const std::string type =
        config ? config->type : default_config(broker.settings, request.node).type;
    const auto granted = grant_creation(broker, context, request.node, type);
    return granted ? missing : granted.error();
}

Decision publish_to_new(const Broker& broker, const Context& context, const Publish& request) {
    auto config = configure_as_wished(broker, context, request);
    const std::string type =
        config ? config->type : default_config(broker.settings, request.node).type;
    auto granted = grant_creation(broker, context, request.node, type);
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
    if (!batch) return batch.error();
    expect_schema(broker, request.node, request, *batch);

    const bool is_named = request.id.has_value();
    ItemPublished event{
        uid_of_this_batch, request.has_item, request.id.value_or(""), granted->bare, {}, {}
    };
    if (request.has_item && !is_named) event.id = context.fresh_id;
    if (config->persist_items)
        if (auto error = check_index_room(broker, nullptr, event.id, granted->bare)) return *error;
    if (config->persist_items)
        put_first_item(*batch, request, event.id, granted->bare);
    else
        event.payload = request.payload;
    batch->event += encode(event);
    Reply reply;
    if (request.has_item && !is_named) reply = publish_reply(request.node, event.id);
    tell(context, {Operation::Create, "create", {}, "by a publish", {}});
    return commit(broker, context, *granted, std::move(*batch), std::move(reply));
}

}   // namespace grid::pubsub
