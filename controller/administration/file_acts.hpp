// controller/administration/file_acts.hpp: the administrators' act on files that clients exchange
// by HTTPS. One batch, with its audit record.
#pragma once

#include <string>

#include "controller/administration/act_context.hpp"

namespace grid::controller::administration {

/// A file, or a slot that was not filled: what carries it at the moment is cut off.
Outcome<storage::Batch> remove_file(const ActContext& call, const std::string& id);

}   // namespace grid::controller::administration
