// server/config/log_settings.hpp: the section [log] of gridd.toml.
#pragma once

#include <string>

namespace grid::server {

struct LogSettings {
    std::string level = "info";
    std::string format = "text";   // or json
};

}   // namespace grid::server
