// pubsub/node_config_fields.cpp: the node options of XEP-0060 §16.4.4 that work here.
#include "pubsub/node_config_fields.hpp"

#include <charconv>
#include <utility>

#include "pubsub/engine.hpp"
#include "pubsub/errors.hpp"
#include "pubsub/node_config_form.hpp"
#include "xml/form.hpp"
#include "xml/jid.hpp"

namespace grid::pubsub {

namespace {

constexpr std::uint8_t node_type_id = 1, access_model_id = 2;
constexpr std::size_t text_bytes_max = 4096;

using Field = ConfigField;
using Choice = ConfigChoice;
using Values = ConfigField::Values;
using Error = ConfigField::Error;

Error bad_value(std::string_view var, std::string_view wanted) {
    return refuse(Errc::NotAcceptable, std::string(var) + " must be " + std::string(wanted) + ".");
}

std::string_view first(const Values& values) {
    return values.empty() ? std::string_view{} : std::string_view(values.front());
}

Field boolean(std::uint8_t id, const char* var, const char* label, bool NodeConfig::* member) {
    return {
        id,
        var,
        "boolean",
        label,
        {},
        [=](const NodeConfig& config) { return Values{config.*member ? "1" : "0"}; },
        [=](NodeConfig& config, const Values& values, const Settings*) -> Error {
            const auto value = xml::parse_boolean(first(values));
            if (!value) return bad_value(var, "0, 1, false or true");
            config.*member = *value;
            return std::nullopt;
        }
    };
}

Field text(std::uint8_t id, const char* var, const char* label, std::string NodeConfig::* member) {
    return {
        id,
        var,
        "text-single",
        label,
        {},
        [=](const NodeConfig& config) { return Values{config.*member}; },
        [=](NodeConfig& config, const Values& values, const Settings*) -> Error {
            if (first(values).size() > text_bytes_max)
                return bad_value(var, "at most 4096 bytes long");
            config.*member = std::string(first(values));
            return std::nullopt;
        }
    };
}

Field number(
    std::uint8_t id,
    const char* var,
    const char* label,
    std::uint64_t NodeConfig::* member,
    std::uint64_t (*limit)(const Settings&)
) {
    return {
        id,
        var,
        "text-single",
        label,
        {},
        [=](const NodeConfig& config) { return Values{limit_to_string(config.*member)}; },
        [=](NodeConfig& config, const Values& values, const Settings* settings) -> Error {
            const std::string_view digits = first(values);
            std::uint64_t value = 0;
            const auto [end, error] =
                std::from_chars(digits.data(), digits.data() + digits.size(), value);
            const std::uint64_t most = settings ? limit(*settings) : no_limit;
            if (digits == "max")
                value = no_limit;
            else if (error != std::errc() || end != digits.data() + digits.size() || value == 0 ||
                     value > most)
                return bad_value(var, "`max` or from 1 to " + std::to_string(most));
            config.*member = value;
            return std::nullopt;
        }
    };
}

template <class Enum>
Field choice(
    std::uint8_t id,
    const char* var,
    const char* label,
    Enum NodeConfig::* member,
    std::vector<Choice> choices
) {
    const auto get = [=](const NodeConfig& config) {
        return Values{choices.at(static_cast<std::size_t>(config.*member)).value};
    };
    const auto set = [=](NodeConfig& config, const Values& values, const Settings*) -> Error {
        std::string wanted;
        for (std::size_t i = 0; i < choices.size(); ++i) {
            wanted += (i == 0 ? "" : ", ") + std::string(choices[i].value);
            if (first(values) != choices[i].value) continue;
            config.*member = static_cast<Enum>(i);
            return std::nullopt;
        }
        return bad_value(var, "one of " + wanted);
    };
    return {id, var, "list-single", label, choices, get, set};
}

/// RFC 8600 §8.3.5: authorize and whitelist; open only where the operator allows it.
bool is_model_offered(AccessModel model, const Settings& settings) {
    if (model == AccessModel::Open) return settings.allow_open;
    return model == AccessModel::Authorize || model == AccessModel::Whitelist;
}

Field access_model() {
    Field field = choice(
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
        const Error error = plain(config, values, settings);
        if (!error && (!settings || is_model_offered(config.access_model, *settings))) return {};
        return refuse(
            Errc::UnsupportedAccessModel, settings && settings->allow_open
                                              ? "Use authorize, whitelist or open."
                                              : "Use authorize or whitelist."
        );
    };
    return field;
}

Field node_type() {
    Field field = choice(
        node_type_id, "pubsub#node_type", "Whether the node is a leaf", &NodeConfig::node_type,
        {{"leaf", "The node is a leaf node"}, {"collection", "The node is a collection"}}
    );
    field.set = [plain = field.set](
                    NodeConfig& config, const Values& values, const Settings* settings
                ) -> Error {
        if (settings && first(values) == "collection")
            return unsupported("collections", "This service has leaf nodes only.");
        return plain(config, values, settings);
    };
    return field;
}

Field contact() {
    return {
        6,
        "pubsub#contact",
        "jid-multi",
        "The JIDs of those to contact with questions",
        {},
        [](const NodeConfig& config) { return config.contact; },
        [](NodeConfig& config, const Values& values, const Settings* settings) -> Error {
            Values contact;
            for (const std::string& value : values) {
                if (value.empty()) continue;   // an empty form field has one empty value
                if (settings && !xml::Jid::parse(value))
                    return bad_value("pubsub#contact", "a list of addresses");
                contact.push_back(value);
            }
            if (contact.size() > 32) return bad_value("pubsub#contact", "at most 32 addresses");
            config.contact = std::move(contact);
            return std::nullopt;
        }
    };
}

Field max_payload_size() {
    Field field = number(
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

std::vector<Field> make_fields() {
    using C = NodeConfig;
    return {
        text(3, "pubsub#title", "A friendly name for the node", &C::title),
        text(4, "pubsub#description", "A description of the node", &C::description),
        text(5, "pubsub#language", "The default language of the node", &C::language),
        text(7, "pubsub#type", "The namespace of the payloads", &C::type),
        node_type(),
        access_model(),
        choice(
            8, "pubsub#publish_model", "Who may publish", &C::publish_model,
            {{"publishers", "Only publishers may publish"},
             {"subscribers", "Subscribers may publish"},
             {"open", "Anyone may publish"}}
        ),
        contact(),
        boolean(9, "pubsub#subscribe", "Whether to allow subscriptions", &C::subscribe),
        boolean(
            10, "pubsub#deliver_notifications", "Whether to deliver event notifications",
            &C::deliver_notifications
        ),
        boolean(
            11, "pubsub#deliver_payloads", "Whether to deliver payloads with notifications",
            &C::deliver_payloads
        ),
        choice(
            12, "pubsub#notification_type", "The delivery style for notifications",
            &C::notification_type,
            {{"normal", "Messages of type normal: kept for those who are away"},
             {"headline", "Messages of type headline: dropped when nobody is there"}}
        ),
        boolean(
            13, "pubsub#notify_config", "Notify subscribers when the configuration changes",
            &C::notify_config
        ),
        boolean(
            14, "pubsub#notify_delete", "Notify subscribers when the node is deleted",
            &C::notify_delete
        ),
        boolean(
            15, "pubsub#notify_retract", "Notify subscribers when items are removed",
            &C::notify_retract
        ),
        boolean(
            16, "pubsub#notify_sub", "Notify owners about new subscribers and unsubscribes",
            &C::notify_sub
        ),
        boolean(17, "pubsub#persist_items", "Whether to persist items", &C::persist_items),
        max_payload_size(),
        number(
            19, "pubsub#max_items", "The number of items to persist, or `max`", &C::max_items,
            [](const Settings& s) -> std::uint64_t { return s.max_items_max; }
        ),
        number(
            20, "pubsub#item_expire", "Seconds after which items are removed, or `max`",
            &C::item_expire,
            [](const Settings&) -> std::uint64_t { return 100ULL * 365 * 24 * 3600; }
        ),
        choice(
            21, "pubsub#publish_node_full", "What publishing on a full node does",
            &C::publish_node_full,
            {{"retract-oldest", "Retract the oldest item"},
             {"discard-oldest", "Discard the oldest item without a word"},
             {"reject", "Reject the new item"}}
        ),
        choice(
            22, "pubsub#itemreply", "Whether items name their publisher", &C::itemreply,
            {{"publisher", "Items name their publisher"}, {"none", "They do not"}}
        ),
        choice(
            23, "pubsub#send_last_published_item", "When to send the last published item",
            &C::send_last_published_item,
            {{"never", "Never"},
             {"on_sub", "When a new subscription is processed"},
             {"on_sub_and_presence", "Also whenever a subscriber comes online"}}
        ),
    };
}

}   // namespace

const std::vector<ConfigField>& config_fields() {
    static const std::vector<ConfigField> table = make_fields();
    return table;
}

bool is_offered(const ConfigField& field, std::size_t choice, const Settings& settings) {
    if (field.id == access_model_id)
        return is_model_offered(static_cast<AccessModel>(choice), settings);
    return field.id != node_type_id || static_cast<NodeType>(choice) == NodeType::Leaf;
}

}   // namespace grid::pubsub
