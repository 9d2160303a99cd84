// controller/schemas/cost.hpp: how large a schema becomes when libxml2 has written it out.
#pragma once

#include <optional>
#include <span>

#include "controller/schemas/document.hpp"

namespace grid::controller::schemas {

/// Groups that hold groups that hold groups become exponentially large; a content model costs up to
/// the fourth power of its parts that are optional or repeated (seconds for 200, hours for 2,000).
/// Counted before, and refused beyond these.
inline constexpr std::size_t components_max = 50'000;
inline constexpr double arrangements_max = 1e9;   // fourth powers, together
inline constexpr std::size_t uses_depth_max = 100;

std::optional<Problem> refuse_cost(std::span<const Document> documents);

}   // namespace grid::controller::schemas
