// server/command_line.hpp: gridd from argv to exit status.
#pragma once

#include <memory>

namespace rocksdb {
class FileSystem;
}

namespace grid::server {

/// `file_system` is for test programs that pull the plug; null: the real files.
int run_command_line(
    int argc, char** argv, std::shared_ptr<rocksdb::FileSystem> file_system = nullptr
);

}   // namespace grid::server
