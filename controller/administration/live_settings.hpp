// controller/administration/live_settings.hpp: settings that administrators change while the grid
// runs.
#pragma once

#include <optional>

#include "controller/errors.hpp"
#include "controller/state.hpp"

namespace grid::controller::commands {

/// Approval of accounts. The configuration is in force until an administrator sets other values;
/// setting the configured values puts the configuration in force again.
struct Tuning {
    bool auto_approve = false;
    Groups default_groups;
    bool operator==(const Tuning&) const = default;
};
Tuning tuning_of(const Settings& settings);
/// Why it cannot be in force; nothing when it can.
std::optional<Failure> refuse_tuning(const Tuning& tuning);

std::string tuning_key();
/// Memory follows the record; without one, the configuration.
void apply_tuning(State& state, const std::optional<storage::Record>& record);
/// Without operations when it is so already.
storage::Batch tune(const State& state, const Tuning& tuning, const pubsub::Context& context);

}   // namespace grid::controller::commands
