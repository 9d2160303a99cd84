// xml/qname.hpp: prefixes in names, and prefixes that values and texts speak of.
#pragma once

#include <string_view>

namespace grid::xml {

struct QName {
    std::string_view prefix, local;
};

/// `a:b` → {a, b}; `b` → {"", b}. No check of what stands on either side.
inline QName split_qname(std::string_view name) {
    std::size_t colon = name.find(':');
    if (colon == std::string_view::npos) return {{}, name};
    return {name.substr(0, colon), name.substr(colon + 1)};
}

/// Whether a name of either side of a QName (Namespaces in XML 1.0 [4] NCName), given that XML's
/// parser took it for (part of) a name already.
bool is_ncname(std::string_view name);

constexpr bool is_name_byte(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.' || static_cast<unsigned char>(c) >= 0x80;
}

/// Calls `visit` with each word of `value` that could be the prefix of a QName: one that stands
/// before a colon which something follows. One walk, however many prefixes are declared.
template <class Visit>
void for_each_mention(std::string_view value, Visit visit) {
    for (std::size_t colon = value.find(':'); colon != std::string_view::npos;
         colon = value.find(':', colon + 1)) {
        if (colon + 1 == value.size() || !is_name_byte(value[colon + 1])) continue;
        std::size_t begin = colon;
        while (begin > 0 && is_name_byte(value[begin - 1])) --begin;
        if (begin < colon) visit(value.substr(begin, colon - begin));
    }
}

}   // namespace grid::xml
