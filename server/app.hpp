// server/app.hpp: the program: its parts in the order of their lives, and how it starts and stops.
#pragma once

#include <filesystem>
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
    /// For tests that pull the plug. Empty: the real files.
    std::shared_ptr<rocksdb::FileSystem> file_system;
};

/// Runs until a signal; the exit status. What goes wrong before the first connection is one clear
/// line on standard error and status 1.
int run_app(AppOptions options);

/// Everything that can be checked without starting: certificates, addresses, the policy file.
Result<void, std::string> check_app(const AppOptions& options);

}   // namespace grid::server
