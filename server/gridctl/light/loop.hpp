// server/gridctl/light/loop.hpp: runs a job to its end, over as many connections as it takes, on
// one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <random>
#include <string>

#include "server/gridctl/light/console.hpp"
#include "server/gridctl/light/link.hpp"
#include "server/gridctl/xmpp/back_off.hpp"
#include "server/gridctl/xmpp/session.hpp"

namespace grid::gridctl::light {

/// Input of a job that is read while there is room for more.
class Source {
public:
    virtual ~Source() = default;
    virtual int fd() const = 0;
    virtual bool wants_more() const = 0;
    /// There are bytes, or the end.
    virtual void read() = 0;
    /// Hands on what was read.
    virtual void pump(xmpp::Session& session) = 0;
    virtual void stop() = 0;
};

struct LoopSettings {
    unsigned timeout_seconds = 30;   // of a connection and a login
    /// How long after a break it tries to come back; negative: for ever.
    std::int64_t reconnect_seconds = -1;
    /// Of the whole job; 0: none.
    unsigned job_seconds = 0;
};

class Loop {
public:
    Loop(
        LoopSettings settings, Link& link, xmpp::Session& session, xmpp::Job& job, Console& console
    );
    void read_from(Source& source) { source_ = &source; }
    /// Called about as often as something happens.
    void on_turn(std::function<void()> turn) { turn_ = std::move(turn); }

    /// Until the job is done, or has been interrupted. Throws Failed.
    void run();
    bool was_interrupted() const { return is_stopping_; }

private:
    void serve();
    bool take_turn();
    void move_bytes();
    void act_on_state();
    void watch_life();
    void stop_if_interrupted();
    void after_break(const std::string& why, bool is_final);
    void pause(std::int64_t ms);
    void say_goodbye();
    void leave_the_rest();

    LoopSettings settings_;
    Link& link_;
    xmpp::Session& session_;
    xmpp::Job& job_;
    Console& console_;
    Source* source_ = nullptr;
    std::function<void()> turn_;
    xmpp::BackOff back_off_;
    std::mt19937 chance_{std::random_device{}()};
    std::string out_;
    Clock::time_point began_, heard_, ticked_, connected_, ending_;
    std::optional<Clock::time_point> broken_since_;
    unsigned first_attempts_ = 0;
    bool is_probed_ = false, is_ending_ = false, is_stopping_ = false, has_no_reader_ = false;
    bool has_more_ = false;   // bytes may wait within TLS
};

}   // namespace grid::gridctl::light
