// server/usage/completion.hpp: a command line as a script by which a shell completes it. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/usage/command_tree.hpp"

namespace grid::server::usage {

/// bash, zsh, fish.
const std::vector<std::string>& completion_shells();

/// For one of completion_shells. The script needs nothing but the shell, and never runs the
/// program.
std::string completion(const Command& root, const std::string& program, std::string_view shell);

}   // namespace grid::server::usage
