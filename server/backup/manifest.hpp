// server/backup/manifest.hpp: the manifest of a backup: its grid, its point, its files.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "storage/checkpoint.hpp"
#include "xml/result.hpp"

namespace grid::server::backup {

inline constexpr const char* manifest_name = "manifest.json";
/// Raised when an older gridd would misread a backup.
inline constexpr std::uint64_t manifest_format = 1;

struct Entry {
    std::string path;   // below the backup, with slashes
    std::uint64_t bytes = 0;
    std::string hash;   // SHA-256, hex
    bool operator==(const Entry&) const = default;
};

struct Manifest {
    std::string name, domain, version;   // of gridd
    bool is_evaluation = false;
    storage::Millis time = 0;
    storage::CheckpointFacts store;
    std::vector<Entry> files;

    std::uint64_t bytes() const;
};

std::string to_json(const Manifest& manifest);
/// The error says what is wrong with it, for the operator: of a newer gridd, no manifest, a path
/// that is none of a backup's.
Result<Manifest, std::string> parse_manifest(std::string_view text);

/// `store/NAME`, `files/NAME`, `crl/NAME`, or one of the single files: what the data directory may
/// have at that place, and nothing beside it.
bool is_backup_path(std::string_view path);
/// As the server names backups: by the time, so that they sort by age.
bool is_backup_name(std::string_view name);
std::string backup_name(storage::Millis time);

}   // namespace grid::server::backup
