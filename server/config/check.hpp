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
    std::string place = {};    // of a key that is none, or in a file that the option names
};
using Findings = std::vector<Finding>;

/// With the place where the option was given, when it was: "gridd.toml:3:10: …". Behind it stands
/// the place in a file that the option names: "gridd.toml:3:10: policy:7:1: …".
std::string to_text(const Finding& finding, const Config& config);
/// The innermost of these places; empty: there is none.
std::string place_of(const Finding& finding, const Config& config);
bool has_errors(const Findings& findings);
/// Whether it is about an option, or names one, that is wrong already: it would judge the default
/// that stands in the place of the wrong value.
bool is_said(const Finding& finding, const Findings& before);

/// Brings domains and addresses into the one spelling that everything is compared with (RFC 7622
/// §3): capitals, a trailing dot and A-labels are the operator's choice. Texts that are no names
/// are among the findings.
Findings prepare_names(Config& config);
/// Touches neither files nor the network. The names are prepared.
Findings check_values(const Config& config);

}   // namespace grid::server
