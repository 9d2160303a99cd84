// xml/contains.hpp: a part of a text, letters of ASCII in any case, as people search for names.
#pragma once

#include <string_view>

namespace grid::xml {

/// An empty part is in every text. Any thread.
bool contains_any_case(std::string_view text, std::string_view part);

}   // namespace grid::xml
