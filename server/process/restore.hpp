// server/process/restore.hpp: a data directory made from a backup.
#pragma once

#include <filesystem>
#include <string>

#include "server/process/options.hpp"

namespace grid::server {

/// `gridd --restore BACKUP`: into an empty data directory, whole or not at all. The backup is
/// checked first, every byte of it. A restore that was interrupted leaves a directory in which no
/// server starts. Says on the terminal what it has done, or why not; returns the process' exit
/// code.
int restore_backup(const AppOptions& options, const std::string& backup);

/// Why a server cannot start there: a restore has begun and not ended. Empty: none has.
std::string why_half_restored(const std::filesystem::path& data);

}   // namespace grid::server
