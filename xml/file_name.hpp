// xml/file_name.hpp: names under which files are shown and stored.
#pragma once

#include <string>
#include <string_view>

namespace grid::xml {

/// UTF-8 without control characters, also those of direction (Unicode UAX #9 §2): with them
/// "exe.pdf" is shown for a name that ends in ".exe".
bool is_file_name(std::string_view text);
/// The text with `_` in place of each character, and each byte that is no UTF-8, that keeps it from
/// being a file name, and of `/`.
std::string to_file_name(std::string_view text);

}   // namespace grid::xml
