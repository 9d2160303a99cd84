// tests/bench/policy/bench.hpp: the two modes of policybench.
#pragma once

#include <string>

namespace grid::bench {

/// Prints microseconds per decision for several shapes of 1,000 rules; false when one is above 5.
bool measure_decisions();

/// Makes a store under DIR: topics, accounts in two groups, every account subscribed to every
/// topic.
void fill(const std::string& directory, const std::string& domain, int nodes, int accounts);

}   // namespace grid::bench
