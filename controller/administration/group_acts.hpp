// controller/administration/group_acts.hpp: the administrators' acts on groups.
#pragma once

#include <optional>
#include <string>

#include "controller/administration/act_context.hpp"

namespace grid::controller::administration {

struct GroupChange {
    storage::Batch batch;
    GroupView after;
};
/// Creates the group, or changes its description; without one the present description stays.
Outcome<GroupChange> put_group(
    const ActContext& call, const std::string& name, const std::optional<std::string>& description
);
/// `GroupInUse` while an account or a rule uses it.
Outcome<storage::Batch> delete_group(const ActContext& call, const std::string& name);

}   // namespace grid::controller::administration
