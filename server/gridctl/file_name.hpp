// server/gridctl/file_name.hpp: an account's name as the name of its files. Pure.
#pragma once

#include <string>
#include <string_view>

namespace grid::gridctl {

/// A prepared local part as a file name: ASCII letters and digits, `.` `-` `_` and what is not
/// ASCII stay, all else is written as =xx, and so is a leading `.` or `-`. Two accounts never share
/// a name, and none gets the CA's.
inline std::string to_file_name(std::string_view local) {
    constexpr char hex[] = "0123456789abcdef";
    std::string out;
    for (const char c : local) {
        const auto byte = static_cast<unsigned char>(c);
        const bool is_word = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                             (byte >= '0' && byte <= '9') || byte >= 0x80 || c == '_';
        if (is_word || ((c == '.' || c == '-') && !out.empty())) {
            out += c;
        } else {
            out += '=';
            out += hex[byte >> 4];
            out += hex[byte & 15];
        }
    }
    return out == "ca" ? "=63a" : out;   // ca.crt is the CA
}

}   // namespace grid::gridctl
