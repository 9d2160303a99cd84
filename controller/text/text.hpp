// controller/text/text.hpp: texts of elements, as lenient readers take them.
#pragma once

#include <string>
#include <string_view>

#include "xml/element.hpp"

namespace grid::controller {

/// White space around a text is the samples' line breaks, never meant.
std::string trimmed(std::string_view text);

/// Text of the child of that local name, in any namespace.
std::string child_text(const xml::Element& parent, std::string_view name);

/// The part of `xsi:type` behind the ":", whatever the prefix is bound to; empty without one.
std::string xsi_type(const xml::Element& element);

}   // namespace grid::controller
