// server/regular_file.hpp: files of the operator's, read whole.
#pragma once

#include <cstddef>
#include <string>

#include "xml/result.hpp"

namespace grid::server {

inline constexpr std::size_t settings_bytes_max = 16UL * 1024 * 1024;

/// The bytes of a regular file. An error begins with the path. A pipe, a socket or a device is
/// refused, for reading it could wait for ever or never end.
Result<std::string, std::string> read_regular_file(
    const std::string& path, std::size_t bytes_max = settings_bytes_max
);

}   // namespace grid::server
