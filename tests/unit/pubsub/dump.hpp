// tests/unit/pubsub/dump.hpp: all that a Memory holds, as text that can be compared.
#pragma once

#include <string>

#include "pubsub/memory.hpp"

namespace grid::test {

std::string dump(const pubsub::Memory& memory);

}   // namespace grid::test
