// pubsub/node_config_form.cpp: a new option is one row in the table below, and its use.
#include "pubsub/node_config_form.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>
#include <utility>
#include <vector>

#include "pubsub/engine.hpp"
#include "pubsub/errors.hpp"
#include "storage/codec.hpp"
#include "xml/jid.hpp"
#include "xml/namespaces.hpp"

namespace grid::pubsub {

namespace {

using Values = std::vector<std::string>;
using Error = std::optional<xml::StanzaError>;

struct Choice {
    const char *value, *label;
};

/// `set` gets the settings to check against, or null when it reads a record.
struct Field {
    std::uint8_t id;   // in records: DO NOT CHANGE
    const char *var, *type, *label;
    std::vector<Choice> choices;
    std::function<Values(const NodeConfig&)> get;
    std::function<Error(NodeConfig&, const Values&, const Settings*)> set;
};

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

constexpr std::size_t text_bytes_max = 4096;

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

using Limit = std::uint64_t (*)(const Settings&);

Field number(
    std::uint8_t id,
    const char* var,
    const char* label,
    std::uint64_t NodeConfig::* member,
    Limit limit
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
bool is_offered(AccessModel model, const Settings& settings) {
    if (model == AccessModel::Open) return settings.allow_open;
    return model == AccessModel::Authorize || model == AccessModel::Whitelist;
}

Field access_model() {
    Field field = choice(
        2, "pubsub#access_model", "Who may subscribe and retrieve items", &NodeConfig::access_model,
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
        if (!error && (!settings || is_offered(config.access_model, *settings))) return {};
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
        1, "pubsub#node_type", "Whether the node is a leaf", &NodeConfig::node_type,
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

const std::vector<Field>& fields() {
    static const std::vector<Field> table = make_fields();
    return table;
}

/// Registered options that this service does not have: accepted only where they ask for nothing.
constexpr std::array absent{
    "pubsub#body_xslt",
    "pubsub#dataform_xslt",
    "pubsub#roster_groups_allowed",
    "pubsub#collection",
    "pubsub#children",
    "pubsub#children_max",
    "pubsub#children_association_policy",
    "pubsub#children_association_whitelist",
    "pubsub#presence_based_delivery",
    "pubsub#purge_offline",
    "pubsub#tempsub",
};

bool asks_for_nothing(const xml::FormField& field) {
    return std::all_of(field.values.begin(), field.values.end(), [](const std::string& value) {
        return value.empty() || value == "0" || value == "false";
    });
}

const Field* find_field(std::string_view var) {
    for (const Field& field : fields())
        if (field.var == var) return &field;
    return nullptr;
}

bool is_absent(std::string_view var) {
    return std::find(absent.begin(), absent.end(), var) != absent.end();
}

}   // namespace

xml::Form to_form(const NodeConfig& config, const Settings& settings, std::string type) {
    xml::Form form;
    form.type = std::move(type);
    form.set_form_type(xml::node_config_form);
    for (const Field& field : fields()) {
        xml::FormField& out = form.add(field.var, field.type, "", field.label);
        out.values = field.get(config);
        // A field without any value breaks clients that expect one.
        if (out.values.empty()) out.values.emplace_back();
        if (form.type != "form") continue;
        for (std::size_t i = 0; i < field.choices.size(); ++i) {
            const Choice& option = field.choices[i];
            if (field.id == 2 && !is_offered(static_cast<AccessModel>(i), settings)) continue;
            if (field.id == 1 && i != 0) continue;
            out.options.push_back({option.value, option.label});
        }
    }
    return form;
}

std::optional<xml::StanzaError> fill_in(
    NodeConfig& config, const xml::Form& form, const Settings& settings
) {
    // Some clients leave FORM_TYPE out; a wrong one is for somebody else.
    if (!form.form_type().empty() && form.form_type() != xml::node_config_form)
        return refuse(Errc::BadRequest, "FORM_TYPE must be …pubsub#node_config.");
    for (const xml::FormField& submitted : form.fields) {
        if (const Field* field = find_field(submitted.var)) {
            if (auto error = field->set(config, submitted.values, &settings)) return error;
        } else if (is_absent(submitted.var) && !asks_for_nothing(submitted)) {
            return refuse(Errc::NotAcceptable, submitted.var + " is not available here.");
        }
    }
    return std::nullopt;
}

std::optional<xml::StanzaError> check_preconditions(
    const NodeConfig& config, const xml::Form& form, const Settings& settings
) {
    for (const xml::FormField& wanted : form.fields) {
        if (wanted.var == "FORM_TYPE") continue;
        if (is_absent(wanted.var) && asks_for_nothing(wanted)) continue;
        const Field* field = find_field(wanted.var);
        if (!field) return refuse(Errc::PreconditionNotMet, wanted.var + " is not known here.");
        NodeConfig probe = config;
        if (field->set(probe, wanted.values, &settings) || field->get(probe) != field->get(config))
            return refuse(
                Errc::PreconditionNotMet,
                wanted.var + " is " + std::string(first(field->get(config))) + " on this node."
            );
    }
    return std::nullopt;
}

std::string encode_config(const NodeConfig& config) {
    storage::Encoder out;
    for (const Field& field : fields()) {
        const Values values = field.get(config);
        out.u8(field.id).varint(values.size());
        for (const std::string& value : values) out.text(value);
    }
    return out.take();
}

NodeConfig decode_config(std::string_view bytes) {
    NodeConfig config;
    storage::Decoder in(bytes);
    while (in.ok() && !in.at_end()) {
        const std::uint8_t id = in.u8();
        const std::uint64_t count = in.varint();
        Values values;
        for (std::uint64_t i = 0; i < count && in.ok(); ++i) values.emplace_back(in.text());
        for (const Field& field : fields())
            if (field.id == id) (void)field.set(config, values, nullptr);
    }
    return config;
}

std::string_view to_string(AccessModel model) {
    constexpr std::array<std::string_view, 5> names{
        "open", "authorize", "whitelist", "presence", "roster"
    };
    return names.at(static_cast<std::size_t>(model));
}

std::string_view to_string(PublishModel model) {
    constexpr std::array<std::string_view, 3> names{"publishers", "subscribers", "open"};
    return names.at(static_cast<std::size_t>(model));
}

std::string limit_to_string(std::uint64_t value) {
    return value == no_limit ? "max" : std::to_string(value);
}

}   // namespace grid::pubsub
