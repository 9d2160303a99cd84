// server/systemd/notifier.hpp: words to the service manager that started the process
// (sd_notify(3)).
#pragma once

#include <sys/un.h>

#include <chrono>
#include <mutex>
#include <optional>
#include <string>

namespace grid::server::systemd {

/// Datagrams to the socket of the manager, which is systemd or speaks as it does. Without a manager
/// nothing is ever sent, and no word of a manager that is gone is an error. Any thread.
class Notifier {
public:
    /// `address` as $NOTIFY_SOCKET has it: a path, or a name of the abstract namespace behind `@`.
    /// Empty, or of another kind: there is no manager.
    explicit Notifier(const std::string& address);
    ~Notifier();
    Notifier(const Notifier&) = delete;

    bool is_on() const { return socket_ >= 0; }
    /// The start is done, or what `reloading` began.
    void ready();
    /// With the time at which it begins, as `Type=notify-reload` of systemd 253 wants it.
    void reloading();
    void stopping();
    /// The start takes longer, by that time from now on (`why`: a line for `systemctl status`). To
    /// be said again before it is over.
    void extend(std::chrono::microseconds time, const std::string& why);
    /// The process is alive. `status`: a line for `systemctl status`, behind which stands what
    /// `remark` said last. Does not wait: a beat that finds no room is lost.
    void beat(const std::string& status);
    /// Something that an operator should see; empty: there is nothing any more.
    void remark(std::string text);

private:
    void send(const std::string& message, bool waits) const;
    std::string status_line() const;

    int socket_ = -1;
    sockaddr_un manager_{};
    socklen_t manager_bytes_ = 0;
    mutable std::mutex mutex_;   // of the two below
    std::string status_, remark_;
};

/// The time after which the manager takes the process for stuck, of $WATCHDOG_USEC and
/// $WATCHDOG_PID (empty where they are not set); no value: it does not look.
std::optional<std::chrono::microseconds> watchdog_limit(
    const std::string& microseconds, const std::string& pid, long own_pid
);

}   // namespace grid::server::systemd
