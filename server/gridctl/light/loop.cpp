// server/gridctl/light/loop.cpp: see server/gridctl/light/loop.hpp.
#include "server/gridctl/light/loop.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "server/gridctl/light/signals.hpp"

namespace grid::gridctl::light {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr auto turn_max = milliseconds(500);
constexpr unsigned reads_per_turn = 16;
constexpr auto quiet_max = seconds(45), answer_max = seconds(30);
constexpr auto goodbye_max = seconds(2), stop_max = seconds(10);
/// With too many strangers, a server closes connections before it knows them.
constexpr unsigned first_attempts_max = 8;
constexpr std::int64_t first_pause_ms = 20;   // twice as long each time

}   // namespace

Loop::Loop(
    LoopSettings settings, Link& link, xmpp::Session& session, xmpp::Job& job, Console& console
)
    : settings_(settings), link_(link), session_(session), job_(job), console_(console) {}

void Loop::run() {
    began_ = Clock::now();
    while (!job_.is_done()) {
        std::string why;
        bool is_final = false;
        try {
            connected_ = Clock::now();
            link_.connect(connected_ + seconds(settings_.timeout_seconds));
            serve();
            if (const auto& failure = session_.failure()) {
                why = failure->text;
                is_final = failure->is_final;
            }
        } catch (const Broken& broken) {
            why = broken.what();
            is_final = broken.is_final || (broken.is_refusal && !session_.was_online());
            session_.lost();
        } catch (const Interrupted&) {
            is_stopping_ = true;
            leave_the_rest();
            session_.lost();
        } catch (const Failed&) {
            leave_the_rest();
            throw;
        } catch (const NoReader&) {
            has_no_reader_ = true;
            say_goodbye();
        }
        link_.close();
        if (job_.is_done() || is_stopping_ || has_no_reader_) return;
        after_break(why, is_final);
    }
}

/// Tries again later, or fails.
void Loop::after_break(const std::string& why, bool is_final) {
    if (is_final) throw Failed(Exit::Connection, why);
    if (!session_.was_online()) {
        const bool is_young = Clock::now() - began_ < seconds(settings_.timeout_seconds);
        const bool was_there = why.find("cannot connect") == std::string::npos;
        if (++first_attempts_ >= first_attempts_max || !is_young || !was_there)
            throw Failed(Exit::Connection, why);
        return pause(first_pause_ms << (first_attempts_ - 1));
    }
    if (!broken_since_) {
        broken_since_ = Clock::now();
        console_.remark("the connection broke (" + why + "); trying again");
    }
    const auto gone = Clock::now() - *broken_since_;
    if (settings_.reconnect_seconds >= 0 && gone >= seconds(settings_.reconnect_seconds))
        throw Failed(Exit::Connection, "the server did not come back: " + why);
    pause(back_off_.next_ms(static_cast<std::uint32_t>(chance_())));
}

void Loop::pause(std::int64_t ms) {
    const auto until = Clock::now() + milliseconds(ms);
    while (!is_interrupted() && Clock::now() < until) {
        pollfd out{STDOUT_FILENO, 0, 0};
        const auto left = std::chrono::duration_cast<milliseconds>(until - Clock::now()).count();
        ::poll(&out, 1, static_cast<int>(std::clamp<std::int64_t>(left, 1, 100)));
    }
    if (is_interrupted()) {
        is_stopping_ = true;
        job_.stop(session_);
    }
}

void Loop::serve() {
    session_.connected();
    out_.clear();
    heard_ = ticked_ = Clock::now();
    is_probed_ = is_ending_ = has_more_ = false;
    while (take_turn()) {
    }
    // The last words, such as the end of the stream.
    out_ += session_.take_output();
    try {
        link_.write(out_);
    } catch (const Broken&) {   // ignored: the other side has gone first
    }
}

bool Loop::take_turn() {
    stop_if_interrupted();
    act_on_state();
    if (session_.is_over()) return false;
    move_bytes();
    if (session_.is_over()) return false;
    watch_life();
    if (turn_) turn_();
    return true;
}

/// Takes the steps that the state of session and job asks for, before the next wait.
void Loop::act_on_state() {
    if (source_ != nullptr && !is_ending_) source_->pump(session_);
    if (session_.is_online()) {
        if (broken_since_) console_.remark("connected again");
        broken_since_.reset();
        back_off_.reset();
    }
    if (job_.is_done() && !is_ending_) {
        session_.end();
        is_ending_ = true;
        ending_ = Clock::now();
    }
    out_ += session_.take_output();
    link_.write(out_);
    if (session_.wants_tls() && out_.empty()) {
        link_.secure(connected_ + seconds(settings_.timeout_seconds));
        session_.secured(link_.exporter());
        out_ += session_.take_output();
        link_.write(out_);
    }
}

void Loop::move_bytes() {
    const bool reads_source =
        source_ != nullptr && !is_ending_ && session_.is_online() && source_->wants_more();
    std::array<pollfd, 3> all{
        pollfd{link_.fd(), link_.wanted(!out_.empty()), 0}, pollfd{STDOUT_FILENO, 0, 0},
        pollfd{reads_source ? source_->fd() : -1, POLLIN, 0}
    };
    const auto turn = is_ending_ ? milliseconds(100) : turn_max;
    const auto patience = has_more_ ? milliseconds(0) : milliseconds(turn);
    const int ready = ::poll(all.data(), all.size(), static_cast<int>(patience.count()));
    if (ready <= 0 && !has_more_) return;
    if ((all[1].revents & POLLERR) != 0 && !is_ending_) throw NoReader();
    if (all[2].revents != 0) source_->read();
    if (all[0].revents == 0 && !has_more_) return;
    // Bytes that TLS has decrypted already show up in no poll.
    has_more_ = true;
    for (unsigned reads = 0; reads < reads_per_turn; ++reads) {
        const std::string bytes = link_.read();
        has_more_ = !bytes.empty();
        if (!has_more_) return;
        heard_ = Clock::now();
        is_probed_ = false;
        session_.receive(bytes);
        heard_ = Clock::now();   // a job may take its time with what came
        out_ += session_.take_output();
        link_.write(out_);
        if (session_.is_over() || session_.wants_tls() || job_.is_done() || is_interrupted())
            return;
    }
}

void Loop::watch_life() {
    const auto now = Clock::now();
    if (is_ending_ && now - ending_ > goodbye_max) return session_.lost();
    if (is_stopping_ && now - ending_ > stop_max) return session_.lost();
    if (!session_.is_online() && !is_ending_ &&
        now - connected_ > seconds(settings_.timeout_seconds))
        throw Broken("the server does not answer");
    if (settings_.job_seconds != 0 && now - began_ > seconds(settings_.job_seconds))
        throw Failed(
            Exit::Refused, "no answer within " + std::to_string(settings_.job_seconds) + " s"
        );
    if (now - heard_ > quiet_max && !is_probed_) {
        session_.probe();
        is_probed_ = true;
    }
    if (now - heard_ > quiet_max + answer_max) throw Broken("no sign of life from the server");
    if (now - ticked_ < seconds(1)) return;
    ticked_ = now;
    job_.tick(session_);
}

void Loop::stop_if_interrupted() {
    if (!is_interrupted() || is_stopping_) return;
    is_stopping_ = true;
    ending_ = Clock::now();
    if (source_ != nullptr) source_->stop();
    if (!session_.is_online()) throw Interrupted();
    job_.stop(session_);
}

/// The reader has gone while the connection is there: an orderly end, without the job's consent.
void Loop::say_goodbye() {
    try {
        if (session_.is_online()) job_.stop(session_);
        const auto until = Clock::now() + goodbye_max;
        while (!job_.is_done() && !session_.is_over() && Clock::now() < until) {
            out_ += session_.take_output();
            link_.write(out_);
            pollfd one{link_.fd(), link_.wanted(!out_.empty()), 0};
            if (::poll(&one, 1, 100) > 0) session_.receive(link_.read());
        }
        session_.end();
        out_ += session_.take_output();
        link_.write(out_);
    } catch (const std::exception&) {   // ignored: there is no one left to be told
    }
}

/// The run ends in the middle of a stanza's work. Those before it are done: the server is told, so
/// that they do not come to the next run, too.
void Loop::leave_the_rest() {
    if (!session_.is_online()) return;
    try {
        session_.acknowledge();
        out_ += session_.take_output();
        const auto until = Clock::now() + goodbye_max;
        while (!out_.empty() && Clock::now() < until) {
            link_.write(out_);
            pollfd one{link_.fd(), link_.wanted(true), 0};
            if (!out_.empty()) ::poll(&one, 1, 100);
        }
        // Bytes that are left unread would make the end a reset.
        while (Clock::now() < until && !link_.read().empty()) {
        }
    } catch (const std::exception&) {   // ignored: the run ends all the same
    }
}

}   // namespace grid::gridctl::light
