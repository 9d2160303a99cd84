// server/c2s/stream_driver.hpp: one client's stream: negotiation, then stanzas until it ends.
#pragma once

#include <atomic>
#include <boost/asio.hpp>
#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/c2s/mailbox.hpp"
#include "server/c2s/outbox.hpp"
#include "server/config/config.hpp"
#include "server/core/core.hpp"
#include "server/log.hpp"
#include "server/net/channel.hpp"
#include "server/net/channel_binding.hpp"
#include "server/net/deadline.hpp"
#include "server/net/from_callback.hpp"
#include "server/net/tls_places.hpp"
#include "server/net/tls_stream.hpp"
#include "server/net/turn.hpp"
#include "server/session/session.hpp"
#include "server/session/transport.hpp"
#include "server/stream/codec.hpp"
#include "server/stream/negotiation.hpp"
#include "server/tls/context.hpp"
#include "server/tls/revocation/vetting.hpp"
#include "xml/parser.hpp"

namespace grid::server::c2s {

/// The parts that all connections share; outlives them.
struct Shared {
    const Config& config;
    Core& core;
    Log& log;
    SSL_CTX* tls = nullptr;
    std::string caps_hash;
    tls::Vetting& vetting;
};

/// The entrance is told of a stream's progress; TLS needs a place.
struct Progress {
    std::function<void()> spoken;       // the peer has sent a byte
    std::function<void()> begun;        // the peer's TLS has begun
    std::function<bool()> keep_place;   // a resource was bound; false: too late, it has to give way
    std::shared_ptr<net::TlsPlaces> tls_places;
};

/// The parts of a stream that its transport brings along.
struct Carrier {
    TransportKind kind = TransportKind::StartTls;
    std::unique_ptr<net::Channel> channel;
    std::unique_ptr<stream::Codec> codec;
    net::TlsStream* tls = nullptr;   // the channel, where TLS is yet to begin
    // Where TLS has been done: the peer's certificate, and what ties a login to this connection.
    tls::Presented presented;
    net::ChannelBindings bindings;
    std::string early;   // the bytes that have been read already
};

/// Drives a stream over a channel. Everything runs on the channel's strand, except what Transport
/// says. A coroutine runs while there is something to wait for, other than the client's next words.
class StreamDriver final : public Transport,
                           public net::Reader,
                           public std::enable_shared_from_this<StreamDriver> {
public:
    StreamDriver(
        const Shared& shared,
        Carrier carrier,
        Progress progress,
        std::string address,
        std::uint64_t id
    );

    /// `ended` is called once, behind the last byte, with the fault that ended the stream, if one
    /// did.
    void start(std::function<void(std::exception_ptr)> ended);
    /// Any thread: gives way to a newcomer, without a word. `closed`: its descriptor is free.
    void displace(std::string reason, std::function<void()> closed);

    // Transport
    void send(std::vector<Outgoing> stanzas, std::size_t bytes) override;
    void mark(std::uint64_t number, std::function<void(std::uint64_t)> done) override;
    void close(std::optional<xml::StreamError> error) override;
    std::size_t unsent_bytes() const override { return unsent_bytes_; }
    // net::Reader
    void on_readable() override;

private:
    using Awaitable = boost::asio::awaitable<bool>;

    void spawn(boost::asio::awaitable<void> work);
    boost::asio::awaitable<void> begin();
    void on_fault(const std::exception& fault);
    void over(std::exception_ptr failure);
    /// False: the connection is to be closed.
    Awaitable establish();
    Awaitable read_some();
    enum class Got { Bytes, Nothing, End };
    Got read();
    bool read_now();
    void begin_waiting() { is_reading_ = true; }
    void end_waiting();
    bool take_early();
    void answer_below();
    void parse(std::string_view bytes);
    bool parse_more();
    Awaitable perform(stream::Actions actions);
    bool say(const stream::Action& action);
    Awaitable start_tls(stream::Actions& next);
    Awaitable wait_for_tls_place();
    void log_refusal(const stream::Negotiation::Refusal& refusal);
    boost::asio::awaitable<stream::Actions> admit(controller::IdentityPtr identity);
    boost::asio::awaitable<stream::Actions> issue_token(stream::IssueToken wanted);
    boost::asio::awaitable<stream::Actions> register_stranger(stream::Register wanted);
    boost::asio::awaitable<stream::Actions> find_keys(sasl::Lookup lookup);
    boost::asio::awaitable<stream::Actions> bind(stream::Bind request);
    boost::asio::awaitable<stream::Actions> resume(stream::Resume request);
    /// By the login of that identity. False: too late.
    bool attach(Attached attached, const controller::Identity& identity, bool is_resumed);
    enum class Took { All, TurnOver, End };
    /// The stanzas of one turn.
    struct Round {
        Took took = Took::TurnOver;
        std::shared_ptr<net::Called> taken;   // by the core strand; null: there were none for it
        std::chrono::nanoseconds pause{};     // that the allowance asks for, where it was asked
    };
    void serve_now();
    void rest();
    Round take_round();
    bool is_last(const Round& round) const;
    bool must_wait(Round& round);
    boost::asio::awaitable<void> go_on(Round round);
    Awaitable serve(Round round);
    Awaitable settle(const Round& round);
    Took take_turn(std::vector<Inbound>& inbound);
    std::optional<xml::StreamError> take_stanza(xml::Element stanza, std::vector<Inbound>& inbound);
    bool is_turn_over() const { return turn_.is_over(net::Turn::Clock::now()); }
    boost::asio::awaitable<void> yield();
    bool has_room() const { return outbox_.empty() || !outbox_.is_over(); }
    boost::asio::awaitable<void> wait_for_room();
    std::chrono::nanoseconds draw_allowance();
    boost::asio::awaitable<void> pause(std::chrono::nanoseconds time);
    boost::asio::awaitable<void> answer_what_was_taken();
    boost::asio::awaitable<void> end();

    void give_way(std::string reason);
    void take_mail();
    void lose(const Mailbox::Mail& mail);
    void flush();
    void wait_writable();
    void flush_again();
    void may_write();
    void end_with(const xml::StreamError& error);
    void fault(xml::StreamError error);
    void wake();
    void charge_unfinished();
    void watch_stanza();
    void arm_stanza_timer();
    Delivered delivered();
    bool is_lost() const;
    boost::asio::awaitable<bool> take_leave();
    void watch_idle();
    void ping();

    const Shared& shared_;
    std::unique_ptr<Progress> progress_;   // until the resource is bound
    TransportKind kind_;
    std::unique_ptr<net::Channel> channel_;
    net::TlsStream* tls_;
    std::unique_ptr<stream::Codec> codec_;
    struct Beginning {
        tls::Presented presented;
        net::ChannelBindings bindings;
        std::string early;
        std::size_t bytes = 0, stanzas = 0;                                       // of the client
        std::unique_ptr<boost::asio::steady_timer> waiting_for_place = nullptr;   // see TlsPlaces
    };
    void stop_waiting_for_place();
    std::string name() const;                // for the log, "c2s-41"
    std::unique_ptr<Beginning> beginning_;   // see Carrier; until the resource is bound
    const std::uint64_t id_;
    std::string address_;
    Mailbox mailbox_;
    Outbox outbox_;
    std::unique_ptr<stream::Negotiation> negotiation_;   // until the resource is bound
    SessionPtr session_;
    std::uint64_t attachment_ = 0;           // Session::attachment that is this connection
    std::shared_ptr<Allowance> allowance_;   // of the session; null: there is no bound
    /// The client has said `<enable/>`: whatever it is sent is counted, and goes through the core
    /// strand.
    bool is_managed_ = false;
    std::atomic<std::size_t> unsent_bytes_ = 0;
    std::string reason_;   // why it ended, for the log
    /// The way the connection ended: by us, or the peer was cut off, closed its socket, closed its
    /// stream.
    enum class Ending : std::uint8_t { Ours, CutOff, Closed, Goodbye } ending_ = Ending::Ours;
    storage::Revision lost_from_ = 0;        // see Delivered
    boost::system::error_code read_error_;   // told when the stanzas before it were handed over
    bool is_shut_down_ = false;              // before a resource was bound
    bool is_silent_ = false;                 // ended since nothing was heard from the peer
    bool is_displaced_ = false;
    bool is_closing_ = false, is_write_waiting_ = false, is_end_sent_ = false;
    std::chrono::steady_clock::time_point last_read_;
    bool is_pinged_ = false;
    std::unique_ptr<boost::asio::steady_timer> idle_timer_;
    /// The peer's fault, sent after the answers to the stanzas before it.
    std::unique_ptr<xml::StreamError> fault_;
    std::unique_ptr<boost::asio::steady_timer> last_answers_;   // waits for those
    std::shared_ptr<net::TlsPlaces::Claim> tls_place_;          // see TlsPlaces
    net::Turn turn_;   // since this connection last let others have its thread
    Sent unpaid_;      // read, and not yet drawn from the session's allowance
    std::unique_ptr<boost::asio::steady_timer> pause_;   // until there is allowance again
    /// Was read behind what the parser has had, which is a piece of it at a time.
    struct Unparsed {
        std::string bytes;
        std::size_t at = 0;
    };
    std::unique_ptr<Unparsed> unparsed_;   // null: there is nothing
    std::function<void(std::exception_ptr)> ended_;
    /// The stanza that is arriving: its number, when it began, what it was charged for.
    struct {
        std::uint64_t number = 0;
        std::chrono::steady_clock::time_point began;
        bool is_known = false, is_watched = false;
        std::size_t charged_bytes = 0;
    } unfinished_;
    bool is_reading_ = false;
    std::unique_ptr<boost::asio::steady_timer> stanza_timer_;
};

}   // namespace grid::server::c2s
