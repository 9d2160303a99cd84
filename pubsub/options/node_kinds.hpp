// pubsub/options/node_kinds.hpp: makers of the rows of node options: boolean, text, number, list.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pubsub/options/node_config.hpp"
#include "xml/stanza_error.hpp"

namespace grid::pubsub {

struct ConfigChoice {
    const char *value, *label;
};

struct ConfigField {
    using Values = std::vector<std::string>;
    using Error = std::optional<xml::StanzaError>;

    std::uint8_t id;   // in records: DO NOT CHANGE
    const char *var, *type, *label;
    std::vector<ConfigChoice> choices;
    std::function<Values(const NodeConfig&)> get;
    /// Gets the settings to check against, or null when it reads a record.
    std::function<Error(NodeConfig&, const Values&, const Settings*)> set;
    /// In whose forms it stands; a leaf refuses what only collections have.
    enum Where : std::uint8_t { Any, Leaf, Collection } where = Any;
    /// The value's meaning, where several spellings mean the same; else `get` gives it.
    std::function<Values(const NodeConfig&, const Settings&)> meaning = {};
};

inline constexpr std::size_t config_text_bytes_max = 4096, config_list_max = 32;

/// not-acceptable, with what would be right.
ConfigField::Error bad_value(std::string_view var, std::string_view wanted);
inline std::string_view first_value(const ConfigField::Values& values) {
    return values.empty() ? std::string_view{} : std::string_view(values.front());
}

ConfigField boolean_field(
    std::uint8_t id, const char* var, const char* label, bool NodeConfig::* member
);
ConfigField text_field(
    std::uint8_t id, const char* var, const char* label, std::string NodeConfig::* member
);
/// A number from `least` to what the settings allow, or `max`.
ConfigField number_field(
    std::uint8_t id,
    const char* var,
    const char* label,
    std::uint64_t NodeConfig::* member,
    std::uint64_t (*limit)(const Settings&),
    std::uint64_t least = 1
);
/// Addresses, or texts where `has_jids` is false.
ConfigField list_field(
    std::uint8_t id,
    const char* var,
    const char* label,
    std::vector<std::string> NodeConfig::* member,
    bool has_jids
);

/// An enum whose values are the places of the names.
template <class Enum>
ConfigField choice_field(
    std::uint8_t id,
    const char* var,
    const char* label,
    Enum NodeConfig::* member,
    std::vector<ConfigChoice> choices
) {
    using Values = ConfigField::Values;
    const auto get = [=](const NodeConfig& config) {
        return Values{choices.at(static_cast<std::size_t>(config.*member)).value};
    };
    const auto set = [=](NodeConfig& config, const Values& values,
                         const Settings*) -> ConfigField::Error {
        std::string wanted;
        for (std::size_t i = 0; i < choices.size(); ++i) {
            wanted += (i == 0 ? "" : ", ") + std::string(choices[i].value);
            if (first_value(values) != choices[i].value) continue;
            config.*member = static_cast<Enum>(i);
            return std::nullopt;
        }
        return bad_value(var, "one of " + wanted);
    };
    return {id, var, "list-single", label, choices, get, set, ConfigField::Any};
}

}   // namespace grid::pubsub
