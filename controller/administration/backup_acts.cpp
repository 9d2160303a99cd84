// controller/administration/backup_acts.cpp: see controller/administration/backup_acts.hpp.
#include "controller/administration/backup_acts.hpp"

#include <algorithm>

namespace grid::controller::administration {

namespace {

void note_backup(const ActContext& call, std::string_view act) {
    static const std::string rule = "group administrators";
    call.state.note(call.actor(), act, {}, {true, 0, &rule});
}

Outcome<BackupControl*> backups_of(const ServerInfo& server) {
    if (BackupControl* backups = server.backups()) return backups;
    return Failure{Errc::WrongState, "this server makes no backups", {}};
}

}   // namespace

Outcome<BackupView> find_backup(const ServerInfo& server, const std::string& name) {
    const auto backups = backups_of(server);
    if (!backups) return backups.error();
    const auto all = (*backups)->list();
    const auto found = std::ranges::find(all, name, &BackupView::name);
    if (found == all.end()) return Failure{Errc::UnknownBackup, "no backup " + name, {}};
    return *found;
}

Outcome<std::function<Outcome<BackupView>()>> begin_backup(
    const ActContext& call, const ServerInfo& server
) {
    const auto backups = backups_of(server);
    if (!backups) return backups.error();
    note_backup(call, "backup");
    return std::function<Outcome<BackupView>()>([to = *backups]() -> Outcome<BackupView> {
        if (auto begun = to->begin()) return std::move(*begun);
        return Failure{
            Errc::WrongState, "a backup is being made: there is one at a time (GET backups)", {}
        };
    });
}

Outcome<std::function<Outcome<void>()>> remove_backup(
    const ActContext& call, const ServerInfo& server, const std::string& name
) {
    const auto found = find_backup(server, name);
    if (!found) return found.error();
    note_backup(call, "backup-remove");
    return std::function<Outcome<void>()>([to = server.backups(), name]() -> Outcome<void> {
        if (auto removed = to->remove(name); !removed)
            return Failure{Errc::WrongState, removed.error(), {}};
        return {};
    });
}

Outcome<BackupView> read_backup(
    const ActContext& call, const ServerInfo& server, const std::string& name
) {
    auto found = find_backup(server, name);
    if (found && found->state != BackupView::State::Complete)
        return Failure{Errc::WrongState, "the backup " + name + " is not complete", {}};
    if (found) note_backup(call, "backup-read");
    return found;
}

}   // namespace grid::controller::administration
