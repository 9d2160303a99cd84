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

}   // namespace grid::xml
