// controller/administration/backup_acts.hpp: the administrators' acts on backups.
#pragma once

#include <functional>
#include <string>

#include "controller/administration/act_context.hpp"
#include "controller/ports.hpp"

namespace grid::controller::administration {

// Backups are files of the server, and no part of the store. Each act is on record in the audit,
// and is done by the function that it returns, on the reader pool.

/// Begins a backup, which goes on beside the server's work. Refused while another one is made.
Outcome<std::function<Outcome<BackupView>()>> begin_backup(
    const ActContext& call, const ServerInfo& server
);
/// Takes its files away.
Outcome<std::function<Outcome<void>()>> remove_backup(
    const ActContext& call, const ServerInfo& server, const std::string& name
);
/// The one whose archive is to be read.
Outcome<BackupView> read_backup(
    const ActContext& call, const ServerInfo& server, const std::string& name
);
/// UnknownBackup where there is none of that name.
Outcome<BackupView> find_backup(const ServerInfo& server, const std::string& name);

}   // namespace grid::controller::administration
