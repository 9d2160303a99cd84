// pubsub/options/node_form.hpp: node configuration as data form, as preconditions and as record.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "pubsub/options/node_config.hpp"
#include "xml/form.hpp"
#include "xml/stanza_error.hpp"

namespace grid::pubsub {

/// §8.2.2: the form to fill in, with current values. `type` is `form` or `result`.
xml::Form to_form(const NodeConfig& config, const Settings& settings, std::string type);

/// Takes over the fields that are there and keeps the rest (XEP-0004 §3.5). An error leaves
/// `config` half changed: work on a copy.
std::optional<xml::StanzaError> fill_in(
    NodeConfig& config, const xml::Form& form, const Settings& settings
);

/// §7.1.5: every field must equal the configuration; the error says which does not.
std::optional<xml::StanzaError> check_preconditions(
    const NodeConfig& config, const xml::Form& form, const Settings& settings
);

std::string encode_config(const NodeConfig& config);
/// Unknown fields are skipped: a later version may have written them.
NodeConfig decode_config(std::string_view bytes);

}   // namespace grid::pubsub
