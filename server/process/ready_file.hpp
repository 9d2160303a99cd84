// server/process/ready_file.hpp: tells scripts and gridctl that connections are taken, and where.
#pragma once

#include <filesystem>
#include <string>

#include "controller/ports.hpp"

namespace grid::server {

/// `{"domain":…, "pid":…, "version":…, "listen":{"c2s":"127.0.0.1:5222",…}}`, to DIR/run/ready.json
/// and to `also` where one is given. Appears whole or not at all.
void write_ready_files(
    const std::filesystem::path& data, const std::string& also, const controller::ServerFacts& facts
);
void remove_ready_files(const std::filesystem::path& data, const std::string& also);

}   // namespace grid::server
