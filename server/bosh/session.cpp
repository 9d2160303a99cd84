// server/bosh/session.cpp: see session.hpp.
#include "server/bosh/session.hpp"

#include <algorithm>

#include "server/net/deadline.hpp"

namespace grid::server::bosh {

namespace asio = boost::asio;

namespace {
/// Of one answer, besides what one write adds.
constexpr std::size_t output_bytes_max = 256 * 1024;
}   // namespace

Session::Session(net::Strand strand, Settings settings)
    : strand_(strand),
      settings_(std::move(settings)),
      next_rid_(settings_.rid),
      quiet_since_(Clock::now()),
      timer_(strand),
      readable_(strand, Clock::time_point::max()),
      writable_(strand, Clock::time_point::max()) {}

// From the client.

void Session::take(std::uint64_t rid, Body body, Reply reply) {
    if (state_ == State::Over)
        return reply(write_end(condition_.empty() ? "item-not-found" : condition_));
    quiet_since_ = Clock::now();
    if (rid < next_rid_) return repeat(rid, std::move(reply));
    if (rid >= next_rid_ + settings_.requests)
        return fail("item-not-found", "a rid out of the window", reply);
    // Sent again before its turn came: the earlier copy is not kept.
    const auto again = early_.find(rid);
    if (again != early_.end()) early_bytes_ -= again->second.body.content.size();
    early_bytes_ += body.content.size();
    if (early_bytes_ + inbox_.size() > settings_.bytes_max)
        return fail("policy-violation", "more than limits.http_body_bytes_max at once", reply);
    auto& place = early_[rid];
    if (place.reply) place.reply(write_body({}, {}));   // sent again before its turn came
    place = {rid, std::move(body), std::move(reply)};
    while (!is_broken() && !early_.empty() && early_.begin()->first == next_rid_) {
        Request next = std::move(early_.begin()->second);
        early_.erase(early_.begin());
        process(std::move(next));
        answer_due_requests();
    }
}

/// XEP-0124 §14.3: the client has not received the answer.
void Session::repeat(std::uint64_t rid, Reply reply) {
    for (Held& held : held_) {
        if (held.rid != rid) continue;
        std::swap(held.reply, reply);
        return reply(write_body({}, {}));   // most probably nobody reads it
    }
    for (const Answered& answered : answered_)
        if (answered.rid == rid) return reply(answered.body);
    fail("item-not-found", "a rid whose answer is not kept any more", reply);
}

void Session::process(Request request) {
    ++next_rid_;
    early_bytes_ -= request.body.content.size();
    forget_answers(request.rid);
    const xml::Element& head = request.body.head;
    const bool is_end = head.attr_or("type", "") == "terminate";
    const bool is_restart = is_true(xbosh_attr(head, "restart"));
    const bool is_creation = request.rid == settings_.rid;
    const bool is_poll = settings_.hold == 0 && request.body.content.empty() && !is_end &&
                         !is_restart && !is_creation;
    if (is_poll && polls_too_often())
        return fail("policy-violation", "polled too often", request.reply);
    polled_.reset();
    if (is_creation || is_restart) inbox_ += stream_opens;
    if (!is_restart) pass_on(request.body);   // XEP-0206 §5: a restart carries nothing
    inbox_ += body_ends;
    if (is_end) inbox_ += stream_closes;
    // An end waits for the stream's, however short the client's patience is.
    const auto patience = is_end ? settings_.inactivity : settings_.wait;
    const auto now = Clock::now();
    held_.push_back({request.rid, std::move(request.reply), now, now + patience, is_poll, is_end});
    readable_.cancel();
}

/// XEP-0124 §11: two empty requests in a row, of which the first brought nothing.
bool Session::polls_too_often() const {
    return polled_ && Clock::now() - *polled_ < settings_.polling;
}

void Session::pass_on(const Body& body) {
    const std::string scope = body.content.empty() ? std::string() : scope_of(body.head);
    if (!scope.empty()) ((inbox_ += scope_edge) += scope) += scope_edge;
    inbox_ += body.content;
}

/// A client has at most `requests` open, so an older one was answered, and the answer has arrived.
void Session::forget_answers(std::uint64_t rid) {
    while (!answered_.empty() && answered_.front().rid + settings_.requests <= rid) {
        remembered_bytes_ -= answered_.front().payload;
        answered_.pop_front();
    }
}

/// The client broke the rules: the session is over, for the stream too.
void Session::fail(const char* condition, std::string why, const Reply& reply) {
    condition_ = condition;
    failure_ = std::move(why);
    state_ = State::Lost;
    reply(write_end(condition));
    end_all(write_end(condition));
    readable_.cancel();
}

void Session::end_all(std::string last) {
    for (const Held& held : std::exchange(held_, {})) held.reply(last);
    for (const auto& [rid, request] : std::exchange(early_, {})) request.reply(last);
    early_bytes_ = 0;
}

// Answers.

bool Session::must_answer() const {
    // §13: `close` answers the request for the end, as long as everything fits into one answer.
    if (held_.front().is_end) return !has_room();
    if (!output_.empty() || held_.back().is_end) return true;
    // The first answer has the features; after it no more are kept waiting than were agreed on.
    return !is_first_ && held_.size() > settings_.hold;
}

void Session::answer_due_requests() {
    if (state_ != State::Open) return;
    while (!held_.empty() && must_answer()) answer_oldest();
    arm();
}

void Session::answer_oldest() {
    Held held = std::move(held_.front());
    held_.pop_front();
    const std::string payload = std::exchange(output_, {});
    std::string body = write_body(is_first_ ? settings_.attributes : xml::Attrs{}, payload);
    is_first_ = false;
    remembered_bytes_ += payload.size();
    answered_.push_back({held.rid, body, payload.size()});
    if (held_.empty()) quiet_since_ = Clock::now();   // §10
    if (held.is_poll && payload.empty()) polled_ = held.came;
    while (answered_.size() > settings_.requests) {   // §14.3: so many are kept
        remembered_bytes_ -= answered_.front().payload;
        answered_.pop_front();
    }
    held.reply(std::move(body));
    if (has_room()) make_known_room();
}

/// One timer: the oldest request that waits, or the client's silence.
void Session::arm() {
    if (is_broken()) return;
    timer_.expires_at(held_.empty() ? quiet_since_ + settings_.inactivity : held_.front().until);
    timer_.async_wait([weak = weak_from_this()](boost::system::error_code error) {
        const auto self = weak.lock();
        if (self && !error) self->on_time();
    });
}

void Session::on_time() {
    if (state_ != State::Open) return;
    const auto now = Clock::now();
    if (!held_.empty()) {
        if (now >= held_.front().until) answer_oldest();
    } else if (now >= quiet_since_ + settings_.inactivity) {
        failure_ = "the client was silent for " + std::to_string(settings_.inactivity.count()) +
                   " seconds";
        state_ = State::Lost;
        readable_.cancel();
    }
    arm();
}

// For the stream.

net::Now Session::read_now(std::span<char> into) {
    const std::size_t size = std::min(into.size(), inbox_.size() - inbox_at_);
    std::copy_n(inbox_.data() + inbox_at_, size, into.data());
    inbox_at_ += size;
    if (inbox_at_ == inbox_.size()) {
        std::string().swap(inbox_);
        inbox_at_ = 0;
    }
    if (size != 0) return {.bytes = size};
    if (is_broken()) return {.error = asio::error::connection_aborted};
    return {.would_block = true};
}

bool Session::has_room() const { return output_.size() < output_bytes_max; }

net::Now Session::write_now(std::string_view bytes) {
    if (is_broken()) {
        if (failure_.empty()) failure_ = "closed by us";
        return {.error = asio::error::connection_aborted};
    }
    if (!has_room()) return {.would_block = true};
    output_ += bytes;
    sent_ += bytes.size();
    // All that is written in one turn of the strand leaves in one answer.
    if (!std::exchange(is_answer_posted_, true))
        asio::post(strand_, [self = shared_from_this()] {
            self->is_answer_posted_ = false;
            self->answer_due_requests();
        });
    return {.bytes = bytes.size()};
}

/// As of a socket: at once, where there is something to read.
void Session::expect_bytes() {
    const bool is_readable = !inbox_.empty() || is_broken();
    readable_.expires_at(is_readable ? Clock::now() : Clock::time_point::max());
}

net::Channel::Waited Session::wait_readable() {
    expect_bytes();
    return readable_.async_wait(net::no_throw);
}

void Session::when_readable(std::shared_ptr<net::Reader> reader) {
    expect_bytes();
    readable_.async_wait([reader = std::move(reader)](boost::system::error_code) {
        reader->on_readable();
    });
}

/// At once, where there is room.
net::Channel::Waited Session::wait_writable() {
    const bool is_writable = has_room() || is_broken();
    writable_.expires_at(is_writable ? Clock::now() : Clock::time_point::max());
    return writable_.async_wait(net::no_throw);
}

void Session::when_writable(std::function<void()> then) {
    when_writable_ = std::move(then);
    if (has_room() || is_broken()) make_known_room();
}

void Session::make_known_room() {
    writable_.cancel();
    if (when_writable_) asio::post(strand_, std::exchange(when_writable_, nullptr));
}

void Session::cancel() {
    readable_.cancel();
    make_known_room();
}

asio::awaitable<bool> Session::close(std::chrono::milliseconds deadline) {
    // The last words wait for a request, if they have none.
    if (state_ == State::Open) state_ = State::Closing;
    if (state_ == State::Closing && held_.empty()) {
        readable_.expires_at(Clock::now() + deadline);
        co_await readable_.async_wait(net::no_throw);   // `take` cancels it
    }
    const State before = std::exchange(state_, State::Over);
    if (before != State::Over) {
        const std::string last = write_end(condition_);
        if (!held_.empty() && before != State::Lost) {
            Held held = std::move(held_.front());
            held_.pop_front();
            held.reply(write_end(condition_, output_));
        }
        std::string().swap(output_);
        end_all(last);
        timer_.cancel();
        if (over_) std::exchange(over_, nullptr)();
    }
    co_return false;   // whether the answer arrived is not known
}

void Session::abort() {
    if (std::exchange(state_, State::Over) == State::Over) return;
    failure_ = "closed by us";
    std::string().swap(output_);
    end_all(write_end("undefined-condition"));
    timer_.cancel();
    cancel();
    if (over_) std::exchange(over_, nullptr)();
}

}   // namespace grid::server::bosh
