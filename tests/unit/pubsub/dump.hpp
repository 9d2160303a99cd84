// tests/unit/pubsub/dump.hpp: all that a Memory holds, as text that can be compared.
#pragma once

#include <string>

#include "pubsub/model/memory.hpp"
#include "stage.hpp"

namespace grid::test {

std::string dump(const pubsub::Memory& memory);

/// Payloads in the store that belong to no item which memory knows.
std::size_t orphans(Stage& stage);

}   // namespace grid::test
