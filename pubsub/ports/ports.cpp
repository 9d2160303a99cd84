// pubsub/ports/ports.cpp: names of operations, as policy files and the audit spell them.
#include "pubsub/ports/ports.hpp"

#include <array>

namespace grid::pubsub {

std::string_view to_string(Right operation) {
    constexpr std::array names{"discover", "create", "publish", "subscribe", "retrieve", "manage"};
    return names.at(static_cast<std::size_t>(operation));
}

}   // namespace grid::pubsub
