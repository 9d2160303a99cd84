// server/complain.hpp: messages to the operator on a terminal.
#pragma once

#include <string>

namespace grid::server {

/// On standard error, one line each, however many lines the text has. A terminal would obey control
/// characters of a file that is quoted: they are escaped, and a byte that is no UTF-8 is U+FFFD.
void complain(const std::string& text);

}   // namespace grid::server
