// controller/roles/acts.cpp: the table of acts and roles.
#include "controller/roles/acts.hpp"

#include <array>

namespace grid::controller {

namespace {

constexpr std::array acts_table{
    ActRow{Act::AskAboutSelf, "ask-about-self", Role::Anybody},
    ActRow{Act::UseGrid, "use-grid", Role::Member},
    ActRow{Act::ReadStatus, "read-status", Role::Auditor},
    ActRow{Act::ReadAccounts, "read-accounts", Role::Auditor},
    ActRow{Act::ReadGroups, "read-groups", Role::Auditor},
    ActRow{Act::ReadPolicy, "read-policy", Role::Auditor},
    ActRow{Act::AskPolicy, "ask-policy", Role::Auditor},
    ActRow{Act::ReadTopics, "read-topics", Role::Auditor},
    ActRow{Act::ReadSchemas, "read-schemas", Role::Auditor},
    ActRow{Act::ReadSessions, "read-sessions", Role::Auditor},
    ActRow{Act::ReadTransfers, "read-transfers", Role::Auditor},
    ActRow{Act::ReadFiles, "read-files", Role::Auditor},
    ActRow{Act::ReadAudit, "read-audit", Role::Auditor},
    ActRow{Act::ReadSettings, "read-settings", Role::Auditor},
    ActRow{Act::ReadGreetings, "read-greetings", Role::Auditor},
    ActRow{Act::ReadMetrics, "read-metrics", Role::Auditor},
    ActRow{Act::TraceItems, "trace-items", Role::Auditor},
    ActRow{Act::ReadBackups, "read-backups", Role::Auditor},
    ActRow{Act::ReadCluster, "read-cluster", Role::Auditor},
    ActRow{Act::ApproveAccounts, "approve-accounts", Role::Operator},
    ActRow{Act::DeclineAccounts, "decline-accounts", Role::Operator},
    ActRow{Act::DisableAccounts, "disable-accounts", Role::Operator},
    ActRow{Act::EndSessions, "end-sessions", Role::Operator},
    ActRow{Act::CreateAccounts, "create-accounts", Role::Administrator},
    ActRow{Act::EnableAccounts, "enable-accounts", Role::Administrator},
    ActRow{Act::SetGroupsOfAccounts, "set-groups-of-accounts", Role::Administrator},
    ActRow{Act::EditAccounts, "edit-accounts", Role::Administrator},
    ActRow{Act::DeleteAccounts, "delete-accounts", Role::Administrator},
    ActRow{Act::SetPasswords, "set-passwords", Role::Administrator},
    ActRow{Act::SetSecondFactors, "set-second-factors", Role::Administrator},
    ActRow{Act::RebindAccounts, "rebind-accounts", Role::Administrator},
    ActRow{Act::EditGroups, "edit-groups", Role::Administrator},
    ActRow{Act::SetPolicy, "set-policy", Role::Administrator},
    ActRow{Act::SwitchTopics, "switch-topics", Role::Administrator},
    ActRow{Act::DeleteTopics, "delete-topics", Role::Administrator},
    ActRow{Act::SetSchemasOfTopics, "set-schemas-of-topics", Role::Administrator},
    ActRow{Act::EditSchemas, "edit-schemas", Role::Administrator},
    ActRow{Act::RemoveFiles, "remove-files", Role::Administrator},
    ActRow{Act::ChangeSettings, "change-settings", Role::Administrator},
    ActRow{Act::Announce, "announce", Role::Administrator},
    ActRow{Act::SetGreetings, "set-greetings", Role::Administrator},
    ActRow{Act::ChooseAdministrators, "choose-administrators", Role::Administrator},
    ActRow{Act::StopServer, "stop-server", Role::Administrator},
    ActRow{Act::ReopenStore, "reopen-store", Role::Administrator},
    ActRow{Act::ReloadServer, "reload-server", Role::Administrator},
    ActRow{Act::KeepBackups, "keep-backups", Role::Administrator},
    ActRow{Act::ManageCluster, "manage-cluster", Role::Administrator},
    ActRow{Act::Administer, "administer", Role::Administrator},
};

/// Each act has its row, and the row stands where `row_of` looks for it.
consteval bool each_act_has_its_row() {
    for (std::size_t i = 0; i < acts_table.size(); ++i)
        if (acts_table[i].act != static_cast<Act>(i)) return false;
    return acts_table.size() == acts_count;
}

/// "group operators or administrators": the groups that give the role, or more.
std::string groups_for(Role role) {
    std::string text;
    for (auto group = role_groups.rbegin(); group != role_groups.rend(); ++group)
        if (group->second >= role) text += (text.empty() ? "" : " or ") + std::string(group->first);
    return "group " + text;
}

}   // namespace

const ActRow& row_of(Act act) {
    static_assert(each_act_has_its_row());
    return acts_table.at(static_cast<std::size_t>(act));
}

Failure role_needed(Act act, Role has) {
    const ActRow& row = row_of(act);
    const std::string least(to_string(row.least));
    std::string text = std::string(row.name) + " needs the role " + least +
                       ": an enabled account in the " + groups_for(row.least) +
                       ", and the certificate or password that it is bound to";
    if (has >= Role::Auditor) text += "; this account has the role " + std::string(to_string(has));
    return {Errc::NotAdministrator, std::move(text), least};
}

const std::string& role_rule(Act act) {
    static const std::array<std::string, roles_count> rules = [] {
        std::array<std::string, roles_count> made;
        for (std::size_t i = 0; i < made.size(); ++i)
            made.at(i) = "not in " + groups_for(static_cast<Role>(i));
        return made;
    }();
    return rules.at(static_cast<std::size_t>(row_of(act).least));
}

}   // namespace grid::controller
