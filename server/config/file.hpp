// server/config/file.hpp: gridd.toml, the environment and --set into one Config.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "server/config/check.hpp"
#include "server/config/config.hpp"

namespace grid::server {

struct ConfigSources {
    std::string file;                // empty: none
    std::vector<std::string> sets;   // KEY=VALUE; KEY=@FILE reads the value from a file
    /// getenv, or a double in tests. `GRIDD_LISTEN_C2S` stands for `listen.c2s`.
    std::function<std::optional<std::string>(const std::string&)> environment;
    std::vector<std::string> environment_names{};   // all of them: misspelt ones are remarked upon
};

/// A configuration as far as it could be read, and everything that is wrong with it.
struct ConfigRead {
    Config config;
    Findings findings;   // without warnings
    bool is_whole =
        true;   // false: the file was not read, or has no domain: there is no more to say
};
/// Defaults, then the file, then the environment, then --set; names prepared, values checked. A
/// finding says where it is: an unknown key or a value of the wrong type with file, line and
/// column, and with the key that was probably meant.
ConfigRead read_config(const ConfigSources& sources);

}   // namespace grid::server
