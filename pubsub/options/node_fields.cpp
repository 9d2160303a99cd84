// pubsub/options/node_fields.cpp: the node options of XEP-0060 §16.4.4 that work here.
#include "pubsub/options/node_fields.hpp"

#include <utility>

#include "pubsub/errors.hpp"
#include "pubsub/settings.hpp"

namespace grid::pubsub {

namespace {

constexpr std::uint8_t access_model_id = 2, itemreply_id = 22;

using Field = ConfigField;
using Values = ConfigField::Values;
using Error = ConfigField::Error;

/// Only for leaves, only for collections.
Field leaf(Field field) {
    field.where = Field::Leaf;
    return field;
}
Field collection(Field field) {
    field.where = Field::Collection;
    return field;
}

Field access_model() {
    Field field = choice_field(
        access_model_id, "pubsub#access_model", "Who may subscribe and retrieve items",
        &NodeConfig::access_model,
        {{"open", "Anyone may subscribe and retrieve items"},
         {"authorize", "Subscription requests must be approved and only subscribers may retrieve"},
         {"whitelist", "Only those on a whitelist may subscribe and retrieve items"},
         {"presence", "Contacts of the owner"},
         {"roster", "Contacts of the owner in some groups"}}
    );
    field.set = [plain = field.set](
                    NodeConfig& config, const Values& values, const Settings* settings
                ) -> Error {
        const AccessModel before = config.access_model;
        const Error error = plain(config, values, settings);
        // A node keeps a model that it has already, even when the operator has switched that model
        // off.
        if (!error && (!settings || config.access_model == before ||
                       is_model_enabled(config.access_model, *settings)))
            return {};
        std::string text = "Use authorize or whitelist";
        if (settings && settings->allow_open) text += ", or open";
        if (settings && settings->has_contacts) text += ", or presence or roster";
        return refuse(Errc::UnsupportedAccessModel, text + ".");
    };
    return field;
}

/// `owner` is not offered: nothing says on behalf of whom an owner would be replied to. A node that
/// has it from an older version of this server may keep it, and names no publisher.
Field itemreply() {
    Field field = choice_field(
        itemreply_id, "pubsub#itemreply",
        "Whether owners or publisher should receive replies to items", &NodeConfig::itemreply,
        {{"publisher", "Items name their publisher"},
         {"none", "They do not"},
         {"owner", "Statically specify a replyto of the node owner(s)"}}
    );
    field.set = [plain = field.set](
                    NodeConfig& config, const Values& values, const Settings* settings
                ) -> Error {
        const ItemReply before = config.itemreply;
        const Error error = plain(config, values, settings);
        const bool is_new = config.itemreply == ItemReply::Owner && before != ItemReply::Owner;
        if (error || (settings && is_new))
            return bad_value("pubsub#itemreply", "one of publisher, none");
        return {};
    };
    return field;
}

Field max_payload_size() {
    Field field = number_field(
        18, "pubsub#max_payload_size", "The maximum payload size in bytes",
        &NodeConfig::max_payload_size,
        [](const Settings& s) -> std::uint64_t { return s.payload_bytes_max; }
    );
    field.set = [plain = field.set](
                    NodeConfig& config, const Values& values, const Settings* settings
                ) -> Error {
        if (auto error = plain(config, values, settings)) return error;
        // Show the real limit, not a word for it.
        if (settings && config.max_payload_size == no_limit)
            config.max_payload_size = settings->payload_bytes_max;
        return std::nullopt;
    };
    return field;
}

Field roster_groups() {
    Field field = list_field(
        25, "pubsub#roster_groups_allowed",
        "The roster group(s) allowed to subscribe and retrieve items",
        &NodeConfig::roster_groups_allowed, false
    );
    field.set = [plain = field.set](
                    NodeConfig& config, const Values& values, const Settings* settings
                ) -> Error {
        if (auto error = plain(config, values, settings)) return error;
        if (!settings || settings->has_contacts || config.roster_groups_allowed.empty()) return {};
        return refuse(
            Errc::NotAcceptable, "pubsub#roster_groups_allowed: there are no rosters here."
        );
    };
    return field;
}

std::vector<Field> make_fields() {
    using C = NodeConfig;
    return {
        text_field(3, "pubsub#title", "A friendly name for the node", &C::title),
        text_field(4, "pubsub#description", "A description of the node", &C::description),
        text_field(5, "pubsub#language", "The default language of the node", &C::language),
        text_field(
            7, "pubsub#type",
            "The semantic type information of data in the node, usually specified by the namespace "
            "of the payload (if any)",
            &C::type
        ),
        choice_field(
            1, "pubsub#node_type", "Whether the node is a leaf (default) or a collection",
            &C::node_type,
            {{"leaf", "The node is a leaf node (default)"},
             {"collection", "The node is a collection node"}}
        ),
        access_model(),
        choice_field(
            29, "x-grid#admission", "Who lets subscribers of a whitelist node in", &C::admission,
            {{"owner", "The owner alone, by affiliations"},
             {"policy", "The policy: who may subscribe becomes a member"}}
        ),
        leaf(choice_field(
            8, "pubsub#publish_model", "The publisher model", &C::publish_model,
            {{"publishers", "Only publishers may publish"},
             {"subscribers", "Subscribers may publish"},
             {"open", "Anyone may publish"}}
        )),
        list_field(
            6, "pubsub#contact", "The JIDs of those to contact with questions", &C::contact, true
        ),
        boolean_field(9, "pubsub#subscribe", "Whether to allow subscriptions", &C::subscribe),
        boolean_field(
            10, "pubsub#deliver_notifications", "Whether to deliver event notifications",
            &C::deliver_notifications
        ),
        leaf(boolean_field(
            11, "pubsub#deliver_payloads",
            "Whether to deliver payloads with event notifications; applies only to leaf nodes",
            &C::deliver_payloads
        )),
        choice_field(
            12, "pubsub#notification_type", "Specify the delivery style for notifications",
            &C::notification_type,
            {{"normal", "Messages of type normal: kept for those who are away"},
             {"headline", "Messages of type headline: not kept for those who are away"}}
        ),
        boolean_field(
            13, "pubsub#notify_config",
            "Whether to notify subscribers when the node configuration changes", &C::notify_config
        ),
        boolean_field(
            14, "pubsub#notify_delete", "Whether to notify subscribers when the node is deleted",
            &C::notify_delete
        ),
        boolean_field(
            15, "pubsub#notify_retract",
            "Whether to notify subscribers when items are removed from the node", &C::notify_retract
        ),
        boolean_field(
            16, "pubsub#notify_sub",
            "Whether to notify owners about new subscribers and unsubscribes", &C::notify_sub
        ),
        leaf(boolean_field(
            17, "pubsub#persist_items", "Whether to persist items to storage", &C::persist_items
        )),
        leaf(max_payload_size()),
        leaf(number_field(
            19, "pubsub#max_items",
            "The maximum number of items to persist. `max` for no specific limit other than a "
            "server imposed maximum.",
            &C::max_items, [](const Settings& s) -> std::uint64_t { return s.max_items_max; }
        )),
        leaf(number_field(
            20, "pubsub#item_expire",
            "Number of seconds after which to automatically purge items. `max` for no specific "
            "limit other than a server imposed maximum.",
            &C::item_expire,
            [](const Settings&) -> std::uint64_t { return 100ULL * 365 * 24 * 3600; }
        )),
        leaf(choice_field(
            21, "pubsub#publish_node_full",
            "Action to be performed by the service when publishing on a full node.",
            &C::publish_node_full,
            {{"retract-oldest", "Retract the oldest item"},
             {"discard-oldest", "Discard the oldest item without a word"},
             {"reject", "Reject the new item"}}
        )),
        leaf(itemreply()),
        leaf(choice_field(
            23, "pubsub#send_last_published_item", "When to send the last published item",
            &C::send_last_published_item,
            {{"never", "Never"},
             {"on_sub", "When a new subscription is processed"},
             {"on_sub_and_presence", "Also whenever a subscriber comes online"}}
        )),
        boolean_field(
            24, "pubsub#tempsub",
            "Whether to make all subscriptions temporary, based on subscriber presence", &C::tempsub
        ),
        roster_groups(),
        collection(number_field(
            26, "pubsub#children_max", "The maximum number of children for this collection",
            &C::children_max, [](const Settings& s) -> std::uint64_t { return s.children_max; }, 0
        )),
        collection(choice_field(
            27, "pubsub#children_association_policy",
            "Who may associate other nodes to this collection", &C::children_association_policy,
            {{"all", "Anyone may associate nodes with this collection"},
             {"owners", "Only the owners of this node may associate other nodes to this collection"
             },
             {"whitelist",
              "Only those on the children association whitelist may associate other nodes to this "
              "collection"}}
        )),
        collection(list_field(
            28, "pubsub#children_association_whitelist",
            "JIDs who can associate nodes to this collection", &C::children_association_whitelist,
            true
        )),
    };
}

}   // namespace

const std::vector<ConfigField>& config_fields() {
    static const std::vector<ConfigField> table = make_fields();
    return table;
}

bool is_offered(const ConfigField& field, std::size_t choice, const Settings& settings) {
    if (field.id == itemreply_id) return static_cast<ItemReply>(choice) != ItemReply::Owner;
    return field.id != access_model_id ||
           is_model_enabled(static_cast<AccessModel>(choice), settings);
}

const ConfigField* find_config_field(std::string_view var) {
    for (const ConfigField& field : config_fields())
        if (field.var == var) return &field;
    return nullptr;
}

}   // namespace grid::pubsub
