// controller/roles/acts.hpp: which act of administration needs which role: one table for every
// interface.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "controller/errors.hpp"
#include "controller/roles/role.hpp"

namespace grid::controller {

/// Each route (rest/*_routes.cpp) and each command (commands/) names the act that it is. A route
/// that names none is Administer.
enum class Act : std::uint8_t {
    AskAboutSelf,
    UseGrid,
    ReadStatus,
    ReadAccounts,
    ReadGroups,
    ReadPolicy,
    AskPolicy,
    ReadTopics,
    ReadSchemas,
    ReadSessions,
    ReadTransfers,
    ReadFiles,
    ReadAudit,
    ReadSettings,
    ReadGreetings,
    ReadMetrics,
    TraceItems,
    ReadBackups,
    ReadCluster,
    ApproveAccounts,
    DeclineAccounts,
    DisableAccounts,
    EndSessions,
    CreateAccounts,
    EnableAccounts,
    SetGroupsOfAccounts,
    EditAccounts,
    DeleteAccounts,
    SetPasswords,
    SetSecondFactors,
    RebindAccounts,
    EditGroups,
    SetPolicy,
    SwitchTopics,
    DeleteTopics,
    SetSchemasOfTopics,
    EditSchemas,
    RemoveFiles,
    ChangeSettings,
    Announce,
    SetGreetings,
    ChooseAdministrators,
    StopServer,
    ReopenStore,
    ReloadServer,
    KeepBackups,
    ManageCluster,
    Administer,   // the last one: acts_count
};
inline constexpr std::size_t acts_count = static_cast<std::size_t>(Act::Administer) + 1;

struct ActRow {
    Act act;
    std::string_view name;   // "approve-accounts"
    Role least;
};
/// The table (acts.cpp).
const ActRow& row_of(Act act);
inline Role least_role(Act act) { return row_of(act).least; }

/// The refusal of an act to an actor of that role. It says which role is needed; `detail` is its
/// name.
Failure role_needed(Act act, Role has);
/// The rule that stands in the audit then.
const std::string& role_rule(Act act);

}   // namespace grid::controller
