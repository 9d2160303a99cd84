// server/config/options.hpp: the table of options: every key, where its value goes, how text
// becomes it.
#pragma once

#include <toml++/toml.h>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "server/config/config.hpp"

namespace grid::server {

using Pairs = std::vector<std::pair<std::string, std::string>>;
using Target = std::variant<
    std::string*,
    bool*,
    YesNoOr*,
    std::uint32_t*,
    std::size_t*,
    std::vector<std::string>*,
    Pairs*,
    std::vector<Config::Mapping>*>;

struct Option {
    std::string key;
    Target target;
};

using Failure = std::optional<std::string>;   // nullopt: no failure

std::vector<Option> options_of(Config& config);
/// From `--set` and the environment; lists are separated by commas.
Failure set_text(Target& target, const std::string& text);
Failure set_toml(Target& target, const toml::node& node);

}   // namespace grid::server
