// controller/text/text.cpp: see text.hpp.
#include "controller/text/text.hpp"

namespace grid::controller {

std::string trimmed(std::string_view text) {
    constexpr std::string_view blanks = " \t\r\n";
    const std::size_t first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos) return {};
    return std::string(text.substr(first, text.find_last_not_of(blanks) - first + 1));
}

std::string child_text(const xml::Element& parent, std::string_view name) {
    const xml::Element* child = parent.child_any_ns(name);
    return child == nullptr ? std::string{} : trimmed(child->text());
}

std::string xsi_type(const xml::Element& element) {
    for (const xml::Attr& attr : element.attrs()) {
        const std::string_view name = attr.name;
        const std::size_t colon = name.find(':');
        if (colon == std::string_view::npos || name.substr(colon + 1) != "type") continue;
        const std::string value = trimmed(attr.value);
        const std::size_t prefix = value.find(':');
        return prefix == std::string::npos ? value : value.substr(prefix + 1);
    }
    return {};
}

}   // namespace grid::controller
