// server/process/data_directory.hpp: the data directory: for the server's user alone.
#pragma once

#include <filesystem>
#include <string>

#include "server/log.hpp"

namespace grid::server {

/// Why a server of this user cannot live there, with what to do; empty: it can. Changes nothing.
std::string why_unusable(const std::filesystem::path& data);

/// Makes the directory where it is missing, and takes read and write rights from other users: 0700
/// for folders, 0600 for files, whatever the umask was when they were made. Another user's
/// directory stays as it is: a container's volume may belong to another user of its group.
void secure_data_directory(const std::filesystem::path& data, Log& log);

}   // namespace grid::server
