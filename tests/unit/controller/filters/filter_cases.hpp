// tests/unit/controller/filters/filter_cases.hpp: filters and payloads made at random, from a
// seed.
#pragma once

#include <random>
#include <string>

#include "controller/filters/evaluate.hpp"

namespace grid::test {

/// site string, domain string, level number, since date, from address, urgent boolean.
controller::filters::Support offered();

/// Filters over few attributes and few values, so that they often meet.
class FilterCases {
public:
    explicit FilterCases(unsigned seed) : random_(seed) {}

    controller::filters::Expression filter(unsigned depth = 3);
    /// The same meaning: operands turned round, written twice, put into groups of their own.
    controller::filters::Expression reworded(const controller::filters::Expression& filter);
    controller::filters::Values payload();
    unsigned below(unsigned count) { return static_cast<unsigned>(random_() % count); }

private:
    controller::filters::Expression leaf();

    std::mt19937 random_;
};

}   // namespace grid::test
