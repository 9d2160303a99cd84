// server/systemd/heartbeat.hpp: beats that only a process whose reactor and core strand run can
// have.
#pragma once

#include <atomic>
#include <boost/asio.hpp>
#include <chrono>
#include <functional>
#include <memory>

namespace grid::server::systemd {

/// A timer of the reactor sends a word to the core strand, and the beat is what the core strand
/// does with it: where either of them is stuck, there is none. One word is on its way at a time.
class Heartbeat : public std::enable_shared_from_this<Heartbeat> {
public:
    /// To the core strand. Any thread.
    using Post = std::function<void(std::function<void()> work)>;

    /// `beat` runs on the core strand, and waits for nothing.
    Heartbeat(
        boost::asio::io_context& context,
        Post post,
        std::function<void()> beat,
        std::chrono::microseconds every
    );
    /// The first beat is at once.
    void start();
    void stop();

private:
    void ask();
    void wait();

    boost::asio::strand<boost::asio::io_context::executor_type> strand_;
    boost::asio::steady_timer timer_;
    Post post_;
    std::function<void()> beat_;
    std::chrono::microseconds every_;
    std::atomic<bool> is_asked_ = false, is_stopped_ = false;
};

/// So many beats within the manager's limit: three may be late.
inline constexpr int beats_in_limit = 4;

}   // namespace grid::server::systemd
