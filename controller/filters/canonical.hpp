// controller/filters/canonical.hpp: one text for all filters that mean the same, so that they
// share one subtopic; checked against what the providers offer.
#pragma once

#include <string>

#include "controller/filters/expression.hpp"
#include "controller/filters/support.hpp"

namespace grid::controller::filters {

/// `not` stands before tests only; nested groups are one; operands and values are sorted, each
/// once, and in their one spelling; tests of one attribute are joined into `in`; implied and
/// contradictory tests are folded. A filter that matches everything or nothing is refused, and so
/// is one that asks for attributes or operators that are not offered.
Outcome<Expression> canonical(const Expression& expression, const Support& support);

/// The first 16 hex digits of SHA-256 of the canonical text: the subtopic's name behind the
/// topic's.
std::string subtopic_id(const std::string& canonical_text);

}   // namespace grid::controller::filters
