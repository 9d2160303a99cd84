// pubsub/options/node_fields.hpp: the table of node options: a new one is one row in it, and its
// use.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pubsub/options/node_config.hpp"
#include "pubsub/options/node_kinds.hpp"
#include "xml/stanza_error.hpp"

namespace grid::pubsub {

const std::vector<ConfigField>& config_fields();
/// Null for an option that this service does not know.
const ConfigField* find_config_field(std::string_view var);
/// Whether a form offers that choice of a field.
bool is_offered(const ConfigField& field, std::size_t choice, const Settings& settings);

}   // namespace grid::pubsub
