// tests/bench/policy/main.cpp: the cost of a decision among 1,000 rules, and a store full of
// subscriptions for `tests/bench/policy/run`.
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "policy/bench.hpp"

int main(int argc, char** argv) {
    const std::string_view mode = argc > 1 ? argv[1] : "";
    if (mode == "decide" && argc == 2) return grid::bench::measure_decisions() ? 0 : 1;
    if (mode == "fill" && argc == 6) {
        grid::bench::fill(argv[2], argv[3], std::atoi(argv[4]), std::atoi(argv[5]));
        return 0;
    }
    std::fprintf(stderr, "usage: policybench decide | fill DIR DOMAIN NODES ACCOUNTS\n");
    return 2;
}
