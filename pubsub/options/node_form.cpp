// pubsub/options/node_form.cpp: see pubsub/options/node_form.hpp; the options are in
// pubsub/options/node_fields.cpp.
#include "pubsub/options/node_form.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "pubsub/errors.hpp"
#include "pubsub/options/node_fields.hpp"
#include "pubsub/settings.hpp"
#include "xml/namespaces.hpp"

namespace grid::pubsub {

namespace {

/// Registered options that this service does not have: accepted only where they ask for nothing.
/// (pubsub#collection and pubsub#children are not here: pubsub/decide/collections/form.cpp.)
constexpr std::array absent{
    "pubsub#body_xslt",
    "pubsub#dataform_xslt",
};

bool asks_for_nothing(const xml::FormField& field) {
    return std::all_of(field.values.begin(), field.values.end(), [](const std::string& value) {
        return value.empty() || value == "0" || value == "false";
    });
}

std::string shown(const OptionValues& values) {
    std::string text;
    for (const std::string& value : values) text.append(text.empty() ? "" : ", ").append(value);
    return text.empty() ? "empty" : text;
}

/// Two configurations that mean the same have the same, however they are spelled: `max` and the
/// number that it stands for, lists in any order.
OptionValues meaning(const ConfigField& field, const NodeConfig& config, const Settings& settings) {
    return field.meaning ? field.meaning(config, settings) : field.get(config);
}

/// XEP-0248 §7.2.1: options of one kind of node do not stand in the forms of the other.
bool is_shown(const ConfigField& field, const NodeConfig& config) {
    if (field.where == ConfigField::Any) return true;
    return (field.where == ConfigField::Collection) == config.is_collection();
}

/// A leaf has none of what collections have; what a form just repeats is no wish.
std::optional<xml::StanzaError> check_kind(const NodeConfig& config) {
    if (config.is_collection()) return std::nullopt;
    const NodeConfig none;
    for (const ConfigField& field : config_fields())
        if (field.where == ConfigField::Collection && field.get(config) != field.get(none))
            return refuse(
                Errc::NotAcceptable, std::string(field.var) + " is for collections, this is a leaf."
            );
    return std::nullopt;
}

bool is_absent(std::string_view var) {
    return std::find(absent.begin(), absent.end(), var) != absent.end();
}

}   // namespace

xml::Form to_form(const NodeConfig& config, const Settings& settings, std::string type) {
    xml::Form form;
    form.type = std::move(type);
    form.set_form_type(xml::node_config_form);
    for (const ConfigField& field : config_fields()) {
        if (!is_shown(field, config)) continue;
        xml::FormField& out = form.add(field.var, field.type, "", field.label);
        out.values = field.get(config);
        // COMPAT(xmpp-grid-broker 2018): a field without any value ends it.
        if (out.values.empty() && settings.empty_set) out.values.emplace_back();
        if (form.type != "form") continue;
        for (std::size_t i = 0; i < field.choices.size(); ++i) {
            const OptionChoice& option = field.choices[i];
            if (!is_offered(field, i, settings)) continue;
            out.options.push_back({option.value, option.label});
        }
    }
    return form;
}

namespace {

/// Of all values of a configuration, which stays in memory for each node.
constexpr std::size_t config_bytes_max = 16 * 1024;

std::size_t bytes_of(const NodeConfig& config) {
    std::size_t bytes = 0;
    for (const ConfigField& field : config_fields())
        for (const std::string& value : field.get(config)) bytes += value.size();
    return bytes;
}

}   // namespace

std::optional<xml::StanzaError> fill_in(
    NodeConfig& config, const xml::Form& form, const Settings& settings
) {
    // Some clients leave FORM_TYPE out; a form with another one is not for the broker.
    if (!form.form_type().empty() && form.form_type() != xml::node_config_form)
        return refuse(Errc::BadRequest, "FORM_TYPE must be …pubsub#node_config.");
    const std::size_t before = bytes_of(config);
    for (const xml::FormField& submitted : form.fields) {
        if (const ConfigField* field = find_config_field(submitted.var)) {
            if (auto error = check_values(*field, submitted.values)) return error;
            if (auto error = field->set(config, submitted.values, &settings)) return error;
        } else if (is_absent(submitted.var) && !asks_for_nothing(submitted)) {
            return refuse(Errc::NotAcceptable, submitted.var + " is not available here.");
        }
    }
    if (const std::size_t bytes = bytes_of(config); bytes > config_bytes_max && bytes > before)
        return refuse(
            Errc::ResourceConstraint, "The configuration of a node has at most " +
                                          std::to_string(config_bytes_max) + " bytes, not " +
                                          std::to_string(bytes) + ": shorten its texts and lists."
        );
    return check_kind(config);
}

std::optional<xml::StanzaError> check_preconditions(
    const NodeConfig& config, const xml::Form& form, const Settings& settings
) {
    for (const xml::FormField& wanted : form.fields) {
        if (wanted.var == "FORM_TYPE") continue;
        if (wanted.var == "pubsub#collection") continue;   // of the graph: check_parents
        if (is_absent(wanted.var) && asks_for_nothing(wanted)) continue;
        const ConfigField* field = find_config_field(wanted.var);
        if (!field) return refuse(Errc::PreconditionNotMet, wanted.var + " is not known here.");
        if (auto error = check_values(*field, wanted.values)) return error;
        NodeConfig probe = config;
        if (field->set(probe, wanted.values, &settings) ||
            meaning(*field, probe, settings) != meaning(*field, config, settings))
            return refuse(
                Errc::PreconditionNotMet,
                wanted.var + " is " + shown(field->get(config)) + " on this node."
            );
    }
    return std::nullopt;
}

std::string encode_config(const NodeConfig& config) {
    storage::Encoder out;
    for (const ConfigField& field : config_fields()) write_field(out, field, field.get(config));
    return out.take();
}

NodeConfig decode_config(std::string_view bytes) { return read_fields(config_fields(), bytes); }

}   // namespace grid::pubsub
