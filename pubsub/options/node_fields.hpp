// pubsub/options/node_fields.hpp: the table of node options: a new one is one row in it, and its
// use.
#pragma once

#include <string_view>
#include <vector>

#include "pubsub/options/field.hpp"
#include "pubsub/options/node_config.hpp"

namespace grid::pubsub {

using ConfigField = OptionField<NodeConfig, Errc::NotAcceptable>;

const std::vector<ConfigField>& config_fields();
/// Null for an option that this service does not know.
const ConfigField* find_config_field(std::string_view var);
/// Whether a form offers that choice of a field.
bool is_offered(const ConfigField& field, std::size_t choice, const Settings& settings);

}   // namespace grid::pubsub
