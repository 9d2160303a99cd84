// server/bosh/session.hpp: one BOSH session: requests in their order, answers that wait (XEP-0124).
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "server/bosh/body.hpp"
#include "server/net/channel.hpp"

namespace grid::server::bosh {

/// In what a Session gives its codec to read: XML has no such characters.
inline constexpr char stream_opens = '\x01', stream_closes = '\x02', body_ends = '\x03';
/// Before and behind the scope of a `<body/>` (scope_of), which is written only where there is one.
inline constexpr char scope_edge = '\x04';

/// Everything on its own strand, except what is constant. The channel of a stream on one side
/// (SessionChannel), HTTP on the other.
class Session : public std::enable_shared_from_this<Session> {
public:
    using Clock = std::chrono::steady_clock;
    using Reply = std::function<void(std::string body)>;

    struct Settings {
        std::string sid;
        std::string certificate;   // fingerprint: no other may speak for the session
        std::uint64_t rid = 0;     // of the first request
        std::chrono::seconds wait{60};
        std::size_t hold = 1;
        std::size_t requests = 5;   // that may be open at one time
        std::chrono::seconds inactivity{60};
        std::chrono::seconds polling{1};
        std::size_t bytes_max = 0;    // of requests that were not read yet
        xml::Element header;          // of the stream, as `<open/>` (RFC 7395)
        xml::Attrs attributes = {};   // of the first answer
    };
    Session(net::Strand strand, Settings settings);

    // Constant.
    const Settings& settings() const { return settings_; }
    net::Strand strand() const { return strand_; }

    /// A request of the client. `reply` is called once, on the strand.
    void take(std::uint64_t rid, Body body, Reply reply);
    /// Called once, when no request is awaited any more.
    void on_over(std::function<void()> then) { over_ = std::move(then); }

    // For the stream. See net::Channel.
    net::Now read_now(std::span<char> into);
    net::Now write_now(std::string_view bytes);
    std::uint64_t sent_bytes() const { return sent_; }
    std::uint64_t unacknowledged_bytes() const { return output_.size() + remembered_bytes_; }
    net::Channel::Waited wait_readable();
    net::Channel::Waited wait_writable();
    void when_readable(std::shared_ptr<net::Reader> reader);
    void when_writable(std::function<void()> then);
    void cancel();
    const std::string& failure() const { return failure_; }
    boost::asio::awaitable<bool> close(std::chrono::milliseconds deadline);
    void abort();
    /// The element that was written last is a stream error.
    void say_error() { condition_ = "remote-stream-error"; }

private:
    using Timer =
        boost::asio::basic_waitable_timer<Clock, boost::asio::wait_traits<Clock>, net::Strand>;
    /// In their order: no session goes back.
    enum class State {
        Open,
        Closing,   // the stream has ended: its last words wait for a request
        Lost,      // the client broke the rules, or is silent: nothing more is read
        Over,      // all requests are answered for good
    };
    struct Request {
        std::uint64_t rid = 0;
        Body body;
        Reply reply;
    };
    struct Held {
        std::uint64_t rid = 0;
        Reply reply;
        Clock::time_point came, until;
        bool is_poll = false, is_end = false;
    };
    /// An answer that the client may not have yet.
    struct Answered {
        std::uint64_t rid = 0;
        std::string body;
        std::size_t payload = 0;
    };

    void process(Request request);
    bool polls_too_often() const;
    void pass_on(const Body& body);
    void repeat(std::uint64_t rid, Reply reply);
    void answer_due_requests();
    void answer_oldest();
    void forget_answers(std::uint64_t rid);
    void fail(const char* condition, std::string why, const Reply& reply);
    void end_all(std::string last);
    void arm();
    void on_time();
    /// The stream can use the session no more.
    bool is_broken() const { return state_ >= State::Lost; }
    bool has_room() const;
    void make_known_room();
    /// From now on `readable_` is awaited: its time has come where there is something to read.
    void expect_bytes();
    bool must_answer() const;

    const net::Strand strand_;
    const Settings settings_;
    std::uint64_t next_rid_;
    std::map<std::uint64_t, Request> early_;   // their turn has not come
    std::size_t early_bytes_ = 0;
    std::string inbox_;   // for the stream's codec
    std::size_t inbox_at_ = 0;
    std::deque<Held> held_;
    std::string output_;   // whole stanzas, for the next answer
    std::deque<Answered> answered_;
    std::size_t remembered_bytes_ = 0;   // of what answered_ carries
    std::uint64_t sent_ = 0;
    bool is_first_ = true;   // the next answer is
    bool is_answer_posted_ = false;
    State state_ = State::Open;
    std::string failure_, condition_;
    Clock::time_point quiet_since_;
    std::optional<Clock::time_point> polled_;   // the request before asked, and got, nothing
    Timer timer_, readable_, writable_;
    std::function<void()> when_writable_;
    std::function<void()> over_;
};

class SessionChannel final : public net::Channel {
public:
    explicit SessionChannel(std::shared_ptr<Session> session) : session_(std::move(session)) {}

    net::Strand strand() override { return session_->strand(); }
    net::Now read_now(std::span<char> into) override { return session_->read_now(into); }
    net::Now write_now(std::string_view bytes) override { return session_->write_now(bytes); }
    std::uint64_t sent_bytes() const override { return session_->sent_bytes(); }
    std::uint64_t unacknowledged_bytes() override { return session_->unacknowledged_bytes(); }
    Waited wait_readable() override { return session_->wait_readable(); }
    Waited wait_writable() override { return session_->wait_writable(); }
    void when_readable(std::shared_ptr<net::Reader> reader) override {
        session_->when_readable(std::move(reader));
    }
    void when_writable(std::function<void()> then) override {
        session_->when_writable(std::move(then));
    }
    void cancel() override { session_->cancel(); }
    const std::string& failure() const override { return session_->failure(); }
    boost::asio::awaitable<bool> close(std::chrono::milliseconds deadline) override {
        return session_->close(deadline);
    }
    void abort() override { session_->abort(); }

private:
    std::shared_ptr<Session> session_;
};

}   // namespace grid::server::bosh
