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

/// Whether `prefix:` followed by something stands anywhere in `value` where a QName could begin.
bool mentions_prefix(std::string_view value, std::string_view prefix);

}   // namespace grid::xml
