// controller/administration/group_acts.cpp: see controller/administration/group_acts.hpp.
#include "controller/administration/group_acts.hpp"

namespace grid::controller::administration {

Outcome<GroupChange> put_group(
    const ActContext& call, const std::string& name, const std::optional<std::string>& description
) {
    const State& state = call.state;
    GroupView view = state.groups.view(state.accounts, state.policy, name);
    view.description = description.value_or(view.description);
    view.is_stored = true;
    auto batch = state.groups.put(name, view.description, call.context);
    if (!batch) return batch.error();
    call.expect_right(*batch);
    return GroupChange{std::move(*batch), std::move(view)};
}

Outcome<storage::Batch> delete_group(const ActContext& call, const std::string& name) {
    auto batch =
        call.state.groups.remove(call.state.accounts, call.state.policy, name, call.context);
    if (batch) call.expect_right(*batch);
    return batch;
}

}   // namespace grid::controller::administration
