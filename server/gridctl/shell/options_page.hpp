// server/gridctl/shell/options_page.hpp: the manual page of gridd.toml. Pure but for the date.
#pragma once

#include <string>

#include "server/usage/manual_page.hpp"
#include "xml/result.hpp"

namespace grid::gridctl {

/// man(7) of gridd.toml: the keys of the table of options with their kinds, and the words of
/// `commented`, the commented file of all defaults, about each. An error names keys that only one
/// of both has.
Result<std::string, std::string> options_page(
    const std::string& commented, const server::usage::Page& page
);

}   // namespace grid::gridctl
