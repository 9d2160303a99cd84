// controller/administration/settings_acts.hpp: settings that administrators change while the
// grid runs.
#pragma once

#include <optional>

#include "controller/administration/act_context.hpp"

namespace grid::controller::administration {

/// Approval of accounts. The configuration is in force until an administrator sets other values;
/// setting the configured values puts the configuration in force again.
struct LiveSettings {
    bool auto_approve = false;
    Groups default_groups;
    bool operator==(const LiveSettings&) const = default;
};
LiveSettings live_settings(const Settings& settings);

/// Of the record.
std::string settings_key();
/// Memory follows the record; without one, the configuration.
void apply_settings(State& state, const std::optional<storage::Record>& record);
/// Without operations when it is so already. The default groups never hold `administrators`.
Outcome<storage::Batch> change_settings(const ActContext& call, const LiveSettings& wanted);

}   // namespace grid::controller::administration
