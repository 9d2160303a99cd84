// server/c2s/connection.cpp: the life of a bound stream: read, hand over, write, end.
#include "server/c2s/connection.hpp"

#include <algorithm>
#include <array>

#include "server/net/from_callback.hpp"
#include "server/stamp.hpp"
#include "xml/stream_error.hpp"

namespace grid::server::c2s {

namespace asio = boost::asio;
using net::Outbox;

namespace {
constexpr auto goodbye_seconds_max = std::chrono::seconds(2);
/// Own words (pings answered here) that may wait for a slow reader before we stop reading it.
constexpr std::size_t own_bytes_max = 256 * 1024;
}   // namespace

Connection::Connection(
    const Shared& shared, net::Socket socket, std::string address, std::uint64_t id, bool direct_tls
)
    : shared_(shared),
      stream_(std::move(socket)),
      address_(std::move(address)),
      name_("c2s-" + std::to_string(id)),
      direct_tls_(direct_tls),
      parser_(shared.config.limits.xml),
      outbox_(stream_) {}

asio::awaitable<void> Connection::run(std::shared_ptr<Connection> self, Progress progress) {
    self->progress_ = std::move(progress);
    // A fault that we do not understand takes the connection down; the table must forget it.
    try {
        if (co_await self->establish()) {
            self->progress_.settled();
            co_await self->serve();
        }
    } catch (const std::exception& fault) {
        self->shared_.log.error(
            "connection_failed", {{"session", self->name_}, {"reason", fault.what()}}
        );
        self->end_with({"internal-server-error", "the server has a fault", {}});
    }
    if (!self->session_)
        self->shared_.log.fold(
            Level::Info, "stream_ended",
            {{"session", self->name_}, {"address", self->address_}, {"reason", self->reason_}}
        );
    co_await self->end();
    self->progress_ = {};
}

void Connection::displace(std::function<void()> closed) {
    asio::post(stream_.get_executor(), [self = shared_from_this(), closed = std::move(closed)] {
        self->is_displaced_ = true;
        self->reason_ = "gave way to a newcomer before a resource was bound";
        self->is_closing_ = true;
        self->stream_.abort();
        closed();
    });
}

asio::awaitable<void> Connection::serve() {
    last_read_ = std::chrono::steady_clock::now();
    watch_idle();
    // What came together with the bind request is in the parser already.
    while (co_await take_events() && !is_closing_ && co_await read_some()) {
    }
}

/// Reads what is there, waiting if there is nothing, and feeds it to the parser.
asio::awaitable<bool> Connection::read_some() {
    // One buffer for all connections of the thread; nothing of it is kept across a wait.
    thread_local std::array<char, 32 * 1024> scratch;
    while (!is_closing_) {
        auto now = stream_.read_now(scratch);
        if (now.error) {
            ending_ = now.error == asio::error::eof ? Ending::Closed : Ending::CutOff;
            if (reason_.empty())
                reason_ = now.error == asio::error::eof ? "the peer closed the connection"
                                                        : stream_.failure();
            co_return false;
        }
        if (now.would_block) {
            co_await stream_.wait_readable();   // also ends when wake() cancels it
            continue;
        }
        last_read_ = std::chrono::steady_clock::now();
        is_pinged_ = false;
        if (negotiation_) pre_auth_bytes_ += now.bytes;
        parser_.feed({scratch.data(), now.bytes});
        co_return true;
    }
    co_return false;
}

/// One read's worth of stanzas to the grid; returns when they were taken.
asio::awaitable<bool> Connection::take_events() {
    std::vector<Inbound> inbound;
    std::optional<xml::StreamError> error;
    bool is_end = false;
    while (!error && !is_end) {
        auto event = parser_.next();
        if (!event) break;
        if (auto* stanza = std::get_if<xml::Element>(&*event)) {
            auto routed = shared_.grid.router().prepare(*session_, std::move(*stanza));
            if (auto* one = std::get_if<Inbound>(&routed)) inbound.push_back(std::move(*one));
            if (auto* answer = std::get_if<std::string>(&routed)) outbox_.push(std::move(*answer));
            if (auto* wrong = std::get_if<xml::StreamError>(&routed)) error = std::move(*wrong);
        } else if (auto* broken = std::get_if<xml::StreamBroken>(&*event)) {
            error = xml::to_stream_error(*broken);
        } else if (std::holds_alternative<xml::StreamClose>(*event)) {
            is_end = true;
            ending_ = Ending::Goodbye;
        } else {
            error = xml::StreamError{"bad-format", "a stream has one header", {}};
        }
    }
    flush();
    if (!inbound.empty()) co_await hand_over(std::move(inbound));
    if (error) {
        end_with(*error);
        co_return false;
    }
    if (is_end) {
        reason_ = "the peer closed the stream";
        co_await net::from_callback<bool>([this](auto done) {
            shared_.grid.finish(session_, [done] { done(true); });
        });
        co_return false;
    }
    while (outbox_.own_bytes() > own_bytes_max && !is_closing_) {
        co_await stream_.wait_writable();
        flush();
    }
    co_return true;
}

asio::awaitable<void> Connection::hand_over(std::vector<Inbound> inbound) {
    co_await net::from_callback<bool>([this, &inbound](auto done) {
        shared_.grid.submit(session_, std::move(inbound), [done] { done(true); });
    });
}

void Connection::send(std::vector<Outgoing> stanzas, std::size_t bytes) {
    if (!mailbox_.put({std::move(stanzas), bytes})) return;
    shared_.grid.wave().handed_over();
    asio::post(stream_.get_executor(), [self = shared_from_this()] {
        self->take_mail();
        self->shared_.grid.wave().taken();
    });
}

void Connection::take_mail() {
    mailbox_.take([this](net::Mailbox::Mail mail) {
        // Nothing may follow </stream:stream>.
        if (is_end_sent_) return lose(mail);
        outbox_.push(std::move(mail.stanzas), mail.bytes);
    });
    flush();
}

/// It stays owed to whoever was to get it.
void Connection::lose(const net::Mailbox::Mail& mail) {
    session_->budget->give(mail.bytes);
    for (const auto& stanza : mail.stanzas)
        if (const storage::Revision first = stanza.owed_from; first != 0)
            lost_from_ = lost_from_ == 0 ? first : std::min(lost_from_, first);
}

void Connection::mark(std::uint64_t number, std::function<void(std::uint64_t)> done) {
    asio::post(stream_.get_executor(), [self = shared_from_this(), number, done = std::move(done)] {
        self->outbox_.mark(number);
        done(self->outbox_.reached().reader);
    });
}

/// What the peer has, as far as its end tells: a machine whose process dies with unread data resets
/// the connection instead of closing it.
Delivered Connection::delivered() {
    if (ending_ == Ending::Goodbye) return {true, 0, lost_from_};
    const auto reached = outbox_.reached();
    return {false, ending_ == Ending::Closed ? reached.machine : reached.reader, lost_from_};
}

void Connection::close(std::optional<xml::StreamError> error) {
    asio::post(stream_.get_executor(), [self = shared_from_this(), error = std::move(error)] {
        if (self->negotiation_) {
            self->is_shut_down_ = error.has_value();   // establish() says it in the right form
        } else if (error) {
            self->end_with(*error);
        }
        self->wake();
    });
}

void Connection::flush() {
    if (is_write_waiting_) return;
    switch (outbox_.flush()) {
        case Outbox::Flushed::All:
            return;
        case Outbox::Flushed::SocketFull:
            return wait_writable();
        case Outbox::Flushed::Broken:
            if (reason_.empty()) reason_ = stream_.failure();
            ending_ = Ending::CutOff;
            outbox_.drop();
            wake();
    }
}

void Connection::wait_writable() {
    is_write_waiting_ = true;
    stream_.socket().async_wait(
        stream_.wait_type_of_write(),
        [self = shared_from_this()](boost::system::error_code) {
            self->is_write_waiting_ = false;
            // Once closing, end() writes the rest, against the clock.
            if (!self->is_closing_) self->flush();
        }
    );
}

void Connection::end_with(const xml::StreamError& error) {
    if (is_end_sent_) return;
    is_end_sent_ = true;
    reason_ = error.condition + ": " + error.text;
    outbox_.push(stream::closing_bytes(error, true, shared_.config.domain));
    wake();
}

/// Makes whatever waits on the socket return, so that the coroutine sees that it is to end.
void Connection::wake() {
    is_closing_ = true;
    boost::system::error_code ignored;   // its socket may be closed already
    stream_.socket().cancel(ignored);
}

/// The last words, within a bound; then the table forgets us.
asio::awaitable<void> Connection::end() {
    is_closing_ = true;
    idle_timer_.reset();
    if (session_) {
        // What was told on the grid strand is either sent or known to be lost before we leave.
        co_await net::from_callback<bool>([this](auto done) {
            shared_.grid.detach(session_, [done] { done(true); });
        });
        take_mail();
        if (!is_end_sent_) outbox_.push(std::string("</stream:stream>"));
        is_end_sent_ = true;
        shared_.grid.leave(session_, reason_, delivered());
        shared_.log.info(
            "session_ended", {{"session", name_}, {"jid", session_->jid.str()}, {"reason", reason_}}
        );
    }
    net::Watchdog<net::Strand> watchdog(stream_.get_executor(), goodbye_seconds_max, [this] {
        stream_.abort();
    });
    while (outbox_.flush() == Outbox::Flushed::SocketFull && !watchdog.has_expired())
        co_await stream_.wait_writable();
    const bool is_all_sent = outbox_.empty();
    outbox_.drop();
    const bool is_all_read = co_await stream_.close(goodbye_seconds_max) && is_all_sent;
    // Where it was we who ended: what the peer had read by then is known only now.
    if (session_ && is_all_read && ending_ == Ending::Ours) shared_.grid.settle(session_);
}

/// A peer that vanished without a word is found by asking it (XEP-0199 §4.2), then given up.
void Connection::watch_idle() {
    if (shared_.config.limits.idle_seconds_max == 0) return;
    const auto idle_max = std::chrono::seconds(shared_.config.limits.idle_seconds_max);
    idle_timer_ = std::make_unique<asio::steady_timer>(stream_.get_executor());
    idle_timer_->expires_at(last_read_ + (is_pinged_ ? idle_max : idle_max / 2));
    idle_timer_->async_wait([weak = weak_from_this(), idle_max](boost::system::error_code error) {
        auto self = weak.lock();
        if (error || !self || self->is_closing_) return;
        const auto idle = std::chrono::steady_clock::now() - self->last_read_;
        if (idle >= idle_max) {
            return self->end_with(
                {"connection-timeout", "nothing was heard for limits.idle_seconds_max seconds", {}}
            );
        }
        if (idle >= idle_max / 2 && !self->is_pinged_) {
            self->is_pinged_ = true;
            self->outbox_.push(
                "<iq type='get' id='ping-" + fresh_id() + "' from='" + self->shared_.config.domain +
                "'><ping xmlns='urn:xmpp:ping'/></iq>"
            );
            self->flush();
        }
        self->watch_idle();
    });
}

}   // namespace grid::server::c2s
