// pubsub/options/node_fields.cpp: the node options of XEP-0060 §16.4.4 that work here.
#include "pubsub/options/node_fields.hpp"

#include <utility>

#include "pubsub/errors.hpp"
#include "pubsub/settings.hpp"

namespace grid::pubsub {

namespace {

constexpr std::uint8_t access_model_id = 2;

/// Only for leaves, only for collections.
ConfigField leaf(ConfigField field) {
    field.where = ConfigField::Leaf;
    return field;
}
ConfigField collection(ConfigField field) {
    field.where = ConfigField::Collection;
    return field;
}

ConfigField access_model() {
    ConfigField field = ConfigField::choice(
        access_model_id, "pubsub#access_model", "Who may subscribe and retrieve items",
        &NodeConfig::access_model,
        {{"open", "Anyone may subscribe and retrieve items"},
         {"authorize", "Subscription requests must be approved and only subscribers may retrieve"},
         {"whitelist", "Only those on a whitelist may subscribe and retrieve items"},
         {"presence", "Contacts of the owner"},
         {"roster", "Contacts of the owner in some groups"}}
    );
    field.set = [plain = field.set](
                    NodeConfig& config, const OptionValues& values, const Settings* settings
                ) -> OptionError {
        const AccessModel before = config.access_model;
        const OptionError error = plain(config, values, settings);
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
ConfigField itemreply() {
    ConfigField field = ConfigField::choice(
        22, "pubsub#itemreply", "Whether owners or publisher should receive replies to items",
        &NodeConfig::itemreply,
        {{"publisher", "Items name their publisher"},
         {"none", "They do not"},
         {"owner", "Statically specify a replyto of the node owner(s)", false}}
    );
    field.set = [plain = field.set](
                    NodeConfig& config, const OptionValues& values, const Settings* settings
                ) -> OptionError {
        const ItemReply before = config.itemreply;
        if (auto error = plain(config, values, settings)) return error;
        const bool is_new = config.itemreply == ItemReply::Owner && before != ItemReply::Owner;
        if (!settings || !is_new) return {};
        return ConfigField::bad_value("pubsub#itemreply", "one of publisher, none");
    };
    return field;
}

ConfigField max_payload_size() {
    ConfigField field = ConfigField::number(
        18, "pubsub#max_payload_size", "The maximum payload size in bytes",
        &NodeConfig::max_payload_size,
        [](const Settings& s) -> std::uint64_t { return s.payload_bytes_max; }
    );
    field.set = [plain = field.set](
                    NodeConfig& config, const OptionValues& values, const Settings* settings
                ) -> OptionError {
        if (auto error = plain(config, values, settings)) return error;
        // Show the real limit, not a word for it.
        if (settings && config.max_payload_size == no_limit)
            config.max_payload_size = settings->payload_bytes_max;
        return std::nullopt;
    };
    return field;
}

ConfigField roster_groups() {
    ConfigField field = ConfigField::list(
        25, "pubsub#roster_groups_allowed",
        "The roster group(s) allowed to subscribe and retrieve items",
        &NodeConfig::roster_groups_allowed, false
    );
    field.set = [plain = field.set](
                    NodeConfig& config, const OptionValues& values, const Settings* settings
                ) -> OptionError {
        if (auto error = plain(config, values, settings)) return error;
        if (!settings || settings->has_contacts || config.roster_groups_allowed.empty()) return {};
        return refuse(
            Errc::NotAcceptable, "pubsub#roster_groups_allowed: there are no rosters here."
        );
    };
    return field;
}

/// An option that rests on presence.
ConfigField by_presence(
    std::uint8_t id, const char* var, const char* label, bool NodeConfig::* member
) {
    ConfigField field = ConfigField::boolean(id, var, label, member);
    field.set = [plain = field.set, var, member](
                    NodeConfig& config, const OptionValues& values, const Settings* settings
                ) -> OptionError {
        if (auto error = plain(config, values, settings)) return error;
        if (!settings || settings->has_contacts || !(config.*member)) return {};
        return refuse(Errc::NotAcceptable, std::string(var) + ": there is no presence here.");
    };
    return field;
}

// A table.
// NOLINTNEXTLINE(readability-function-size)
std::vector<ConfigField> make_fields() {
    using C = NodeConfig;
    return {
        ConfigField::text(3, "pubsub#title", "A friendly name for the node", &C::title),
        ConfigField::text(4, "pubsub#description", "A description of the node", &C::description),
        ConfigField::text(5, "pubsub#language", "The default language of the node", &C::language),
        ConfigField::text(
            7, "pubsub#type",
            "The semantic type information of data in the node, usually specified by the namespace "
            "of the payload (if any)",
            &C::type
        ),
        ConfigField::choice(
            1, "pubsub#node_type", "Whether the node is a leaf (default) or a collection",
            &C::node_type,
            {{"leaf", "The node is a leaf node (default)"},
             {"collection", "The node is a collection node"}}
        ),
        access_model(),
        ConfigField::choice(
            29, "x-grid#admission", "Who lets subscribers of a whitelist node in", &C::admission,
            {{"owner", "The owner alone, by affiliations"},
             {"policy", "The policy: who may subscribe becomes a member"}}
        ),
        leaf(ConfigField::choice(
            8, "pubsub#publish_model", "The publisher model", &C::publish_model,
            {{"publishers", "Only publishers may publish"},
             {"subscribers", "Subscribers may publish"},
             {"open", "Anyone may publish"}}
        )),
        ConfigField::list(
            6, "pubsub#contact", "The JIDs of those to contact with questions", &C::contact, true
        ),
        ConfigField::boolean(
            9, "pubsub#subscribe", "Whether to allow subscriptions", &C::subscribe
        ),
        ConfigField::boolean(
            10, "pubsub#deliver_notifications", "Whether to deliver event notifications",
            &C::deliver_notifications
        ),
        leaf(ConfigField::boolean(
            11, "pubsub#deliver_payloads",
            "Whether to deliver payloads with event notifications; applies only to leaf nodes",
            &C::deliver_payloads
        )),
        ConfigField::choice(
            12, "pubsub#notification_type", "Specify the delivery style for notifications",
            &C::notification_type,
            {{"normal", "Messages of type normal: kept for those who are away"},
             {"headline", "Messages of type headline: not kept for those who are away"}}
        ),
        ConfigField::boolean(
            13, "pubsub#notify_config",
            "Whether to notify subscribers when the node configuration changes", &C::notify_config
        ),
        ConfigField::boolean(
            14, "pubsub#notify_delete", "Whether to notify subscribers when the node is deleted",
            &C::notify_delete
        ),
        ConfigField::boolean(
            15, "pubsub#notify_retract",
            "Whether to notify subscribers when items are removed from the node", &C::notify_retract
        ),
        ConfigField::boolean(
            16, "pubsub#notify_sub",
            "Whether to notify owners about new subscribers and unsubscribes", &C::notify_sub
        ),
        leaf(ConfigField::boolean(
            17, "pubsub#persist_items", "Whether to persist items to storage", &C::persist_items
        )),
        leaf(max_payload_size()),
        leaf(ConfigField::number(
            19, "pubsub#max_items",
            "The maximum number of items to persist. `max` for no specific limit other than a "
            "server imposed maximum.",
            &C::max_items, [](const Settings& s) -> std::uint64_t { return s.max_items_max; }
        )),
        leaf(ConfigField::number(
            20, "pubsub#item_expire",
            "Number of seconds after which to automatically purge items. `max` for no specific "
            "limit other than a server imposed maximum.",
            &C::item_expire,
            [](const Settings&) -> std::uint64_t { return 100ULL * 365 * 24 * 3600; }
        )),
        leaf(ConfigField::choice(
            21, "pubsub#publish_node_full",
            "Action to be performed by the service when publishing on a full node.",
            &C::publish_node_full,
            {{"retract-oldest", "Retract the oldest item"},
             {"discard-oldest", "Discard the oldest item without a word"},
             {"reject", "Reject the new item"}}
        )),
        leaf(itemreply()),
        leaf(ConfigField::choice(
            23, "pubsub#send_last_published_item", "When to send the last published item",
            &C::send_last_published_item,
            {{"never", "Never"},
             {"on_sub", "When a new subscription is processed"},
             {"on_sub_and_presence", "Also whenever a subscriber comes online"}}
        )),
        ConfigField::boolean(
            24, "pubsub#tempsub",
            "Whether to make all subscriptions temporary, based on subscriber presence", &C::tempsub
        ),
        roster_groups(),
        collection(ConfigField::number(
            26, "pubsub#children_max", "The maximum number of children for this collection",
            &C::children_max, [](const Settings& s) -> std::uint64_t { return s.children_max; }, 0
        )),
        collection(ConfigField::choice(
            27, "pubsub#children_association_policy",
            "Who may associate other nodes to this collection", &C::children_association_policy,
            {{"all", "Anyone may associate nodes with this collection"},
             {"owners", "Only the owners of this node may associate other nodes to this collection"
             },
             {"whitelist",
              "Only those on the children association whitelist may associate other nodes to this "
              "collection"}}
        )),
        collection(ConfigField::list(
            28, "pubsub#children_association_whitelist",
            "JIDs who can associate nodes to this collection", &C::children_association_whitelist,
            true
        )),
        by_presence(
            29, "pubsub#presence_based_delivery",
            "Whether to deliver notifications to available users only", &C::presence_based_delivery
        ),
        leaf(by_presence(
            30, "pubsub#purge_offline",
            "Whether to purge all items when the relevant publisher goes offline", &C::purge_offline
        )),
    };
}

}   // namespace

const std::vector<ConfigField>& config_fields() {
    static const std::vector<ConfigField> table = make_fields();
    return table;
}

bool is_offered(const ConfigField& field, std::size_t choice, const Settings& settings) {
    if (!field.choices[choice].is_offered) return false;
    return field.id != access_model_id ||
           is_model_enabled(static_cast<AccessModel>(choice), settings);
}

const ConfigField* find_config_field(std::string_view var) {
    return find_field(config_fields(), var);
}

}   // namespace grid::pubsub
