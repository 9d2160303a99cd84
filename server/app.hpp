// server/app.hpp: the program: its parts in the order of their lives, and how it starts and stops.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "server/config.hpp"
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
    /// The configuration as it is now, for SIGHUP. Empty: SIGHUP changes nothing.
    std::function<Result<Config, std::string>()> read_again;
    std::string own_command = "gridd";   // as it was called, for texts that say what to run
    /// For tests that pull the plug. Empty: the real files.
    std::shared_ptr<rocksdb::FileSystem> file_system;
};

/// Runs until a signal; the exit status. A failure before the first connection is one clear line on
/// standard error and status 1.
int run_app(AppOptions options);

}   // namespace grid::server
