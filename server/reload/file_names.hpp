// server/reload/file_names.hpp: the files that names lead to, and the folders that decide it.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace grid::server {

/// Folders in which an entry that is made, renamed or removed can change what these names lead to:
/// their own, those of each symbolic link on the way (certbot and Kubernetes swap such links), and,
/// where nothing is there, the last folder that is. A name that is a folder's stands for its files,
/// too. Each once.
std::vector<std::filesystem::path> folders_of(const std::vector<std::string>& names);

/// By name, a text that is another one when the file was changed, replaced, made or removed, or its
/// rights were. A folder's is that of its files together.
using FileStamps = std::map<std::string, std::string>;
FileStamps stamps_of(const std::vector<std::string>& names);
/// Names in `now` whose stamp `before` does not have.
std::vector<std::string> changed_since(const FileStamps& before, const FileStamps& now);

}   // namespace grid::server
