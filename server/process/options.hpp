// server/process/options.hpp: the options of a start.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "server/config/file.hpp"
#include "xml/result.hpp"

namespace rocksdb {
class FileSystem;
}

namespace grid::server {

struct AppOptions {
    Config config;
    std::filesystem::path data = "/var/lib/gridd";
    std::string ready_file;   // besides DIR/run/ready.json
    int store_files = 512;    // that the store may keep open
    /// The configuration as it is now, for a reload. Empty: a reload changes nothing.
    std::function<ConfigRead()> read_again;
    std::vector<std::string> arguments = {};   // of the command line, for a restart
    std::string own_command = "gridd";         // as it was called, for texts that say what to run
    /// For tests that pull the plug. Empty: the real files.
    std::shared_ptr<rocksdb::FileSystem> file_system;
};

}   // namespace grid::server
