// server/pki/files.hpp: small private files, written whole: gridd's first start and gridctl write
// the very same ones.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "xml/result.hpp"

namespace grid::pki {

enum class Mode : unsigned { Private = 0600, Public = 0644 };
inline constexpr std::size_t small_file_bytes_max = 4 * 1024 * 1024;

struct FileText {
    bool exists = false;
    std::string text;
};

/// Reads a regular file. No such file is no error; too large, unreadable or not a file is.
Result<FileText, std::string> read_file(const std::filesystem::path& path);
/// All of `text` or the old file, whatever happens: temporary file, fsync, rename, fsync of the
/// folder.
Result<void, std::string> write_file(
    const std::filesystem::path& path, std::string_view text, Mode mode
);
/// As write_file, but refuses when the name is taken, even by someone who came a moment before.
Result<void, std::string> create_file(
    const std::filesystem::path& path, std::string_view text, Mode mode
);
/// Creates the folder with mode 0700, and so the one that it is in; those above, when missing, as
/// the umask says.
Result<void, std::string> make_private_folder(const std::filesystem::path& path);

}   // namespace grid::pki
