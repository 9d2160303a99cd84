// controller/text/nfc.hpp: Unicode normalization form C, for texts that are compared.
#pragma once

#include <string>
#include <string_view>

namespace grid::controller {

/// `text` is valid UTF-8.
std::string to_nfc(std::string_view text);

}   // namespace grid::controller
