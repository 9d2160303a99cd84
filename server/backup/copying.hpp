// server/backup/copying.hpp: files that are hashed, copied or linked, with what went wrong in
// words.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <string>

#include "xml/result.hpp"

namespace grid::server::backup {

struct Taken {
    std::uint64_t bytes = 0;
    std::string hash;   // SHA-256, hex
};

// All block on the disk, give up soon after `stop`, and follow no symbolic link.

/// Reads a regular file to its end.
Result<Taken, std::string> hash_file(
    const std::filesystem::path& file, const std::atomic<bool>& stop
);
/// Writes what it reads into a new file, for the server's user alone.
Result<Taken, std::string> copy_file(
    const std::filesystem::path& from,
    const std::filesystem::path& to,
    const std::atomic<bool>& stop
);
/// A second name of a file that does not change. False: it is on another volume.
Result<bool, std::string> link_file(
    const std::filesystem::path& from, const std::filesystem::path& to
);
/// Everything below the folder is on its disk.
Result<void, std::string> sync_volume(const std::filesystem::path& folder);
/// The names in that folder are.
Result<void, std::string> sync_folder(const std::filesystem::path& folder);
/// For this user.
std::uint64_t free_bytes_of(const std::filesystem::path& folder);

}   // namespace grid::server::backup
