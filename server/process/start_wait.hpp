// server/process/start_wait.hpp: a start that waits for other machines: told to the log, the
// service manager, and probes.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "server/config/config.hpp"
#include "server/log.hpp"
#include "server/systemd/notifier.hpp"

namespace grid::server {

/// From the first word on /readyz of `listen.health` is answered with 503 and the reason, /healthz
/// with 200, by a thread of its own; the manager gives the start more time with each word. The log
/// has a line when it begins and one when it ends.
class StartWait {
public:
    StartWait(const Config::Listen& listen, systemd::Notifier& notifier, Log& log);
    ~StartWait();
    StartWait(const StartWait&) = delete;

    /// Every few seconds, with the reason.
    void waits(const std::string& why);
    /// The start goes on: the port is free for what listens there next.
    void ends();

private:
    class Room;

    const Config::Listen listen_;
    systemd::Notifier& notifier_;
    Log& log_;
    std::chrono::steady_clock::time_point began_;
    std::unique_ptr<Room> room_;   // null: it does not wait
};

}   // namespace grid::server
