// pubsub/node_config_fields.hpp: the table of node options: a new one is one row in it, and its
// use.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pubsub/node_config.hpp"
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

const std::vector<ConfigField>& config_fields();
/// Null for an option that this service does not know.
const ConfigField* find_config_field(std::string_view var);
/// Whether a form offers that choice of a field.
bool is_offered(const ConfigField& field, std::size_t choice, const Settings& settings);

}   // namespace grid::pubsub
