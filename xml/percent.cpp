// xml/percent.cpp: see xml/percent.hpp.
#include "xml/percent.hpp"

#include <boost/url/pct_string_view.hpp>

namespace grid::xml {

std::optional<std::string> percent_decoded(std::string_view text, bool plus_is_blank) {
    const auto encoded = boost::urls::make_pct_string_view(text);
    if (!encoded) return std::nullopt;
    boost::urls::encoding_opts how;
    how.space_as_plus = plus_is_blank;
    return encoded->decode(how);
}

std::string percent_encoded(std::string_view text) {
    constexpr char hex[] = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        const bool is_kept = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                             (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
        if (is_kept) {
            out += c;
        } else {
            out += '%';
            out += hex[static_cast<unsigned char>(c) >> 4];
            out += hex[static_cast<unsigned char>(c) & 15];
        }
    }
    return out;
}

}   // namespace grid::xml
