// controller/console/assets.hpp: the files of the console, as they are in the program.
#pragma once

#include <span>
#include <string_view>

namespace grid::controller {

struct ConsoleAsset {
    std::string_view path;   // below controller/console: "pages/topics.js"
    std::string_view type;   // Content-Type
    std::string_view tag;    // ETag, in its quotes
    std::string_view bytes;
};

/// Constant; any thread. Written by embed.cmake at build time.
std::span<const ConsoleAsset> console_assets();

}   // namespace grid::controller
