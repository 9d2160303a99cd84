// pubsub/stored_payload.hpp: the payload of an item, as it comes back from the store.
#pragma once

#include <optional>
#include <string>

#include "xml/element.hpp"

namespace grid::pubsub {

/// Nothing when it is not one element, which it was when it was published.
std::optional<xml::Element> parse_payload(const std::string& text);

}   // namespace grid::pubsub
