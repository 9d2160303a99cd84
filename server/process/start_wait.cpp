// server/process/start_wait.cpp: see start_wait.hpp.
#include "server/process/start_wait.hpp"

#include <boost/asio.hpp>
#include <mutex>
#include <optional>
#include <thread>

#include "server/guarded_run.hpp"
#include "server/http/probe.hpp"

namespace grid::server {

namespace {

namespace asio = boost::asio;

/// A word comes every two seconds or more often; a lookup of names may hold one up.
constexpr std::chrono::microseconds more_time = std::chrono::seconds(60);

/// Answers to probes while there is no grid yet.
class NotYet final : public http::HttpBackend {
public:
    void say(const std::string& why) {
        const std::lock_guard lock(mutex_);
        why_ = why;
    }
    void api(controller::HttpRequest, pubsub::Principal, controller::Identity, Done done) override {
        done(controller::http_error(503, "starting", "the server is starting"));
    }
    void metrics(std::optional<Asker>, Done done) override {
        done(controller::http_error(503, "starting", "the server is starting"));
    }
    http::Readiness ready() override {
        const std::lock_guard lock(mutex_);
        return {false, {"starting: " + why_}};
    }

private:
    std::mutex mutex_;
    std::string why_;
};

}   // namespace

/// A listener for probes and its thread. Members end from the last to the first.
class StartWait::Room {
public:
    Room(const std::string& address, Log& log) : log_(log), probes_(context_, not_yet_, log) {
        if (address.empty() || address.ends_with(":0")) return;
        auto listener = net::Listener::open(context_, address);
        if (!listener) return;   // said when the server opens it
        listener_ = std::move(*listener);
        probes_.start(*listener_, false);
        thread_ = std::thread([this] { run_guarded(context_, log_); });
    }
    ~Room() {
        if (!listener_) return;
        listener_->close();
        context_.stop();
        thread_.join();
        probes_.close();
        context_.shutdown();   // sockets of what was under way, and the port
        listener_ = nullptr;
    }
    Room(const Room&) = delete;
    void say(const std::string& why) { not_yet_.say(why); }

private:
    struct Context : asio::io_context {
        using asio::io_context::shutdown;
    };
    Log& log_;
    NotYet not_yet_;
    Context context_;
    http::ProbeServer probes_;
    std::unique_ptr<net::Listener> listener_;
    std::thread thread_;
};

StartWait::StartWait(const Config::Listen& listen, systemd::Notifier& notifier, Log& log)
    : listen_(listen), notifier_(notifier), log_(log) {}

StartWait::~StartWait() = default;

void StartWait::waits(const std::string& why) {
    if (!room_) {
        log_.warn("start_waits", {{"reason", server::quoted(why)}});
        began_ = std::chrono::steady_clock::now();
        room_ = std::make_unique<Room>(listen_.health, log_);
    }
    room_->say(why);
    notifier_.extend(more_time, "starting: " + why);
}

void StartWait::ends() {
    if (!room_) return;
    room_ = nullptr;
    const auto waited =
        std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - began_);
    log_.info("start_goes_on", {{"seconds", std::to_string(waited.count())}});
}

}   // namespace grid::server
