// server/process/server_info.hpp: facts about the process, for `status`.
#pragma once

#include <functional>

#include "controller/ports.hpp"
#include "server/process/store_keeper.hpp"
#include "server/session/registry.hpp"
#include "storage/store.hpp"

namespace grid::server {

class ProcessInfo final : public controller::ServerInfo {
public:
    ProcessInfo(
        storage::Store& store,
        StoreKeeper& keeper,
        const SessionRegistry& sessions,
        const FloodCounts& floods
    )
        : store_(store), keeper_(keeper), sessions_(sessions), floods_(floods) {}

    controller::ServerFacts facts() const override {
        controller::ServerFacts facts = constant;
        facts.store = store_.status();
        facts.sessions = sessions_.size();
        facts.hibernating = sessions_.hibernating();
        facts.sessions_slowed = floods_.slowed;
        facts.sessions_cut = floods_.cut;
        if (problems) facts.problems = problems();
        if (audit_export) facts.audit_export = audit_export();
        return facts;
    }

    boost::system::error_code reopen_store() const override {
        return keeper_.reopen("an administrator");
    }

    controller::BackupControl* backups() const override { return backup_control; }

    controller::ClusterControl* cluster() const override { return cluster_control; }

    controller::BackupControl* backup_control = nullptr;     // set before the first request
    controller::ClusterControl* cluster_control = nullptr;   // the same
    controller::ServerFacts constant;                        // filled before the first request
    std::function<std::vector<std::string>()> problems;      // asked each time; any thread
    std::function<controller::ExportFacts()> audit_export;   // the same; null: there is none

private:
    storage::Store& store_;
    StoreKeeper& keeper_;
    const SessionRegistry& sessions_;
    const FloodCounts& floods_;
};

}   // namespace grid::server
