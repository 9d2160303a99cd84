// server/config/check.hpp: the checks of a configuration beyond types: names, numbers,
// contradictions.
#pragma once

#include <string>
#include <vector>

#include "server/config/config.hpp"

namespace grid::server {

/// Something that the operator must or should change.
struct Finding {
    std::string key;   // of the option that is to blame; empty: none is
    std::string text;
    bool is_warning = false;   // the server starts all the same
};
using Findings = std::vector<Finding>;

/// With the place where the option was given, when it was: "gridd.toml:3:10: …".
std::string to_text(const Finding& finding, const Config& config);
bool has_errors(const Findings& findings);

/// Brings domains and addresses into the one spelling that everything is compared with (RFC 7622
/// §3): capitals, a trailing dot and A-labels are the operator's choice. Texts that are no names
/// are among the findings.
Findings prepare_names(Config& config);
/// Touches neither files nor the network. The names are prepared.
Findings check_values(const Config& config);

}   // namespace grid::server
