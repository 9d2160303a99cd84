// server/process/stopper.hpp: an administrator's request to end the process, to start it again, or
// to read its files anew.
#pragma once

#include <atomic>
#include <boost/asio.hpp>
#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "controller/process_control.hpp"
#include "server/log.hpp"

namespace grid::server {

class Stopper final : public controller::ProcessControl {
public:
    Stopper(boost::asio::io_context& context, Log& log) : timer_(context), log_(log) {}

    /// Core strand. The answer to the request leaves before the end: after a second at the
    /// earliest.
    void stop(bool restarts, std::chrono::seconds delay) override;
    controller::ReloadReport reload(const pubsub::Principal& by) override {
        return reload_by ? reload_by(by) : controller::ReloadReport{};
    }

    /// A signal asks for the end, which counts for more than a restart that an administrator asked
    /// for before. Any thread.
    void end_for_good();

    /// Ends the process; runs on any of the reactor's threads. Set before the first client
    /// connects.
    std::function<void()> end;
    /// Reads everything anew. Set before the first client connects.
    std::function<controller::ReloadReport(const pubsub::Principal& by)> reload_by;
    /// After the end: the process is to be started again.
    bool restarts() const { return restarts_; }

private:
    boost::asio::steady_timer timer_;
    Log& log_;
    std::atomic<bool> restarts_ = false;
};

/// The program that runs now, by its path: another one that was installed there meanwhile is the
/// one that a restart runs.
std::string own_program();
/// Replaces the process by that program with these arguments (the first one is its name), under the
/// same process id. Returns only when that failed: why.
std::string run_again(const std::string& program, const std::vector<std::string>& arguments);

}   // namespace grid::server
