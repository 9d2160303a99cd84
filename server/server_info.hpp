// server/server_info.hpp: facts about the process, for `status`.
#pragma once

#include "controller/ports.hpp"
#include "server/router/session_registry.hpp"
#include "storage/store.hpp"

namespace grid::server {

class ProcessInfo final : public controller::ServerInfo {
public:
    ProcessInfo(storage::Store& store, const SessionRegistry& sessions)
        : store_(store), sessions_(sessions) {}

    controller::ServerFacts facts() const override {
        controller::ServerFacts facts = constant;
        facts.store = store_.status();
        facts.sessions = sessions_.size();
        return facts;
    }

    controller::ServerFacts constant;   // filled before the first request

private:
    storage::Store& store_;
    const SessionRegistry& sessions_;
};

}   // namespace grid::server
