// server/process/policy_file.hpp: the policy that the configuration names.
#pragma once

#include <string>

#include "server/config/config.hpp"
#include "xml/result.hpp"

namespace grid::server {

/// The text of policy.file. An error has a line for each mistake: file, line and column, and what
/// is wrong there.
Result<std::string, std::string> read_policy_file(const Config& config);

}   // namespace grid::server
