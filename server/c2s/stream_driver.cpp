// server/c2s/stream_driver.cpp: the life of a bound stream: read, hand over, write, end.
#include "server/c2s/stream_driver.hpp"

#include <algorithm>
#include <array>

#include "server/clock.hpp"
#include "server/stream/peer_error.hpp"
#include "xml/stream_error.hpp"

namespace grid::server::c2s {

namespace asio = boost::asio;

namespace {
using std::chrono::steady_clock;

constexpr auto goodbye_seconds_max = std::chrono::seconds(2);
/// The time that a stream which is to end waits for the answers to its requests.
constexpr auto last_answers_seconds_max = std::chrono::seconds(30);
/// A stanza of this size may always arrive, independent of the account's budget.
constexpr std::size_t uncharged_bytes_max = 16 * 1024;

Outgoing ping_of(const std::string& domain, const std::string& component) {
    const std::string to = component.empty() ? "" : "' to='" + component;
    return Outgoing::whole(
        StanzaKind::Iq, std::make_shared<const std::string>(
                            "<iq type='get' id='ping-" + fresh_id() + "' from='" + domain + to +
                            "'><ping xmlns='urn:xmpp:ping'/></iq>"
                        )
    );
}
}   // namespace

StreamDriver::StreamDriver(
    const Shared& shared, Carrier carrier, Progress progress, std::string address, std::uint64_t id
)
    : shared_(shared),
      progress_(std::make_unique<Progress>(std::move(progress))),
      kind_(carrier.kind),
      channel_(std::move(carrier.channel)),
      tls_(carrier.tls),
      codec_(std::move(carrier.codec)),
      beginning_(std::make_unique<Beginning>(Beginning{
          std::move(carrier.presented), std::move(carrier.bindings), std::move(carrier.early)
      })),
      id_(id),
      address_(std::move(address)),
      outbox_(*channel_, *codec_) {}

std::string StreamDriver::name() const {
    const char* const kind = kind_ == TransportKind::WebSocket   ? "ws-"
                             : kind_ == TransportKind::Bosh      ? "bosh-"
                             : kind_ == TransportKind::Component ? "component-"
                                                                 : "c2s-";
    return kind + std::to_string(id_);
}

void StreamDriver::start(std::function<void(std::exception_ptr)> ended) {
    ended_ = std::move(ended);
    spawn(begin());
}

/// Begins at once on the strand, so that nothing may follow in the caller.
void StreamDriver::spawn(asio::awaitable<void> work) {
    asio::co_spawn(
        channel_->strand(), std::move(work),
        [self = shared_from_this()](std::exception_ptr failure) {
            if (failure) self->over(std::move(failure));
        }
    );
}

void StreamDriver::over(std::exception_ptr failure) {
    if (const auto ended = std::exchange(ended_, nullptr)) ended(std::move(failure));
}

/// A fault that we do not understand takes the connection down; the table must forget it.
void StreamDriver::on_fault(const std::exception& fault) {
    shared_.log.error("connection_failed", {{"session", name()}, {"reason", fault.what()}});
    end_with({"internal-server-error", "the server has a fault", {}});
}

asio::awaitable<void> StreamDriver::begin() {
    bool is_over = true;
    try {
        if (co_await establish()) {
            last_read_ = steady_clock::now();
            turn_.begin(last_read_);
            watch_idle();
            // The account may owe for streams before this one. Bytes that came together with the
            // bind request are in the parser already.
            is_over = co_await serve({});
        }
    } catch (const std::exception& fault) {
        on_fault(fault);
    }
    if (is_over) co_await end();
}

void StreamDriver::displace(std::string reason, std::function<void()> closed) {
    asio::post(
        channel_->strand(),
        [self = shared_from_this(), reason = std::move(reason),
         closed = std::move(closed)]() mutable {
            self->give_way(std::move(reason));
            closed();
        }
    );
}

void StreamDriver::give_way(std::string reason) {
    is_displaced_ = true;
    reason_ = std::move(reason);
    is_closing_ = true;
    channel_->abort();
    stop_waiting_for_place();
}

void StreamDriver::stop_waiting_for_place() {
    if (beginning_ && beginning_->waiting_for_place) beginning_->waiting_for_place->cancel();
}

void StreamDriver::on_readable() {
    end_waiting();
    try {
        return serve_now();
    } catch (const std::exception& fault) {
        on_fault(fault);
    }
    spawn(end());
}

/// Without a coroutine, as long as there is nothing to wait for: most stanzas are answered, or
/// taken by the core strand, at once.
void StreamDriver::serve_now() {
    auto got = read();
    while (got == Got::Bytes && !is_turn_over()) {
        Round round = take_round();
        if (must_wait(round)) return spawn(go_on(std::move(round)));
        if (round.took != Took::All) continue;
        // The round has read until there was nothing more.
        got = is_closing_ || fault_ || read_error_ ? read() : Got::Nothing;
    }
    if (got == Got::Nothing) return rest();
    spawn(got == Got::Bytes ? go_on({}) : end());
}

/// Until the client says something.
void StreamDriver::rest() {
    begin_waiting();
    channel_->when_readable(shared_from_this());
}

asio::awaitable<void> StreamDriver::go_on(Round round) {
    bool is_over = true;
    try {
        is_over = co_await serve(std::move(round));
    } catch (const std::exception& fault) {
        on_fault(fault);
    }
    if (is_over) co_await end();
}

/// From that round on. False: the stream goes on as soon as its client says something.
asio::awaitable<bool> StreamDriver::serve(Round round) {
    auto got = Got::Bytes;
    while (co_await settle(round) && !is_closing_) {
        if (round.took == Took::All) got = read();
        if (got == Got::End) break;
        if (got == Got::Nothing) {
            rest();
            co_return false;
        }
        if (is_turn_over()) co_await yield();
        if (is_closing_) break;   // the end was sent meanwhile: no stanza may follow
        round = take_round();
    }
    co_return true;
}

/// Reads the bytes there are, waiting if there are none, and gives them to the parser.
asio::awaitable<bool> StreamDriver::read_some() {
    auto got = read();
    for (; got == Got::Nothing; got = read()) {
        begin_waiting();
        co_await channel_->wait_readable();   // also ends when wake() cancels it
        end_waiting();
    }
    co_return got == Got::Bytes;
}

/// Gives the parser the bytes that are there; Got::Nothing: there are none yet.
StreamDriver::Got StreamDriver::read() {
    if (is_closing_) return Got::End;
    if (fault_ || read_now()) return Got::Bytes;   // a fault is seen by the caller
    if (!read_error_) return Got::Nothing;
    ending_ = read_error_ == asio::error::eof ? Ending::Closed : Ending::CutOff;
    if (reason_.empty())
        reason_ = read_error_ == asio::error::eof ? "the peer closed the connection"
                                                  : channel_->failure();
    return Got::End;
}

void StreamDriver::end_waiting() {
    is_reading_ = false;
    turn_.begin(steady_clock::now());
}

/// Gives the parser what is there: of TLS a record, which most often is whole stanzas. False: there
/// is nothing, or never will be.
bool StreamDriver::read_now() {
    // One buffer for all connections of the thread; nothing of it is kept across a wait.
    thread_local std::array<char, 32 * 1024> scratch;
    if (read_error_) return false;
    const auto now = channel_->read_now(scratch);
    read_error_ = now.error;
    if (now.bytes == 0) return false;
    last_read_ = steady_clock::now();
    is_pinged_ = false;
    if (negotiation_) {
        if (beginning_->bytes == 0) progress_->spoken();
        beginning_->bytes += now.bytes;
    }
    parse({scratch.data(), now.bytes});
    answer_below();
    return true;
}

/// Words of the layer below the stream (a WebSocket's), in both directions.
void StreamDriver::answer_below() {
    if (is_end_sent_) return;
    if (std::string answers = codec_->take_answers(); !answers.empty()) {
        outbox_.push_framed(std::move(answers));
        flush();
    }
    if (codec_->is_ended() && !read_error_) read_error_ = asio::error::eof;
}

/// Gives the parser what was read. Of a bound session a piece: parse_more() goes on. A stranger may
/// send no more than limits.pre_auth_bytes_max in all, and the parser begins anew meanwhile.
void StreamDriver::parse(std::string_view bytes) {
    if (negotiation_) {
        while (!bytes.empty()) bytes.remove_prefix(codec_->feed(bytes));
        return;
    }
    if (!unparsed_) unpaid_.bytes += bytes.size();
    const std::size_t size = codec_->feed(bytes);
    const bool is_all = size == bytes.size();
    if (is_all)
        unparsed_.reset();
    else if (unparsed_)
        unparsed_->at += size;
    else
        unparsed_ = std::make_unique<Unparsed>(Unparsed{std::string(bytes), size});
    charge_unfinished();
    watch_stanza();
}

/// The stanzas that have arrived are handed over together, and so decided and answered together.
/// False: there are no more.
bool StreamDriver::parse_more() {
    if (!unparsed_) return read_now();
    parse(std::string_view(unparsed_->bytes).substr(unparsed_->at));
    answer_below();
    return true;
}

/// The stanzas of one turn, handed over together.
StreamDriver::Round StreamDriver::take_round() {
    std::vector<Inbound> inbound;
    Round round;
    round.took = take_turn(inbound);
    // The answers to one read leave together, in as few records as possible.
    if (round.took != Took::TurnOver || !inbound.empty()) flush();
    if (inbound.empty()) return round;
    round.taken = std::make_shared<net::Called>();
    shared_.core.submit(session_, attachment_, std::move(inbound), [taken = round.taken] {
        (*taken)();
    });
    return round;
}

bool StreamDriver::is_last(const Round& round) const {
    return round.took == Took::End || (round.took == Took::All && fault_);
}

/// Before the next round. Draws the allowance where there is nothing else to wait for.
bool StreamDriver::must_wait(Round& round) {
    if ((round.taken && !round.taken->is_made()) || is_last(round) || !has_room()) return true;
    round.pause = draw_allowance();
    return round.pause != round.pause.zero();
}

/// Waits until the next round may begin. False: there is none, the stream is to end.
asio::awaitable<bool> StreamDriver::settle(const Round& round) {
    // Most often the core strand was free, and no other had this thread.
    if (round.taken && !round.taken->is_made()) {
        co_await net::Called::wait(round.taken);
        turn_.begin(steady_clock::now());
    }
    if (is_last(round)) {
        co_await answer_what_was_taken();
        if (!fault_ && reason_.empty()) reason_ = "the peer closed the stream";
        co_return false;   // end() says the error, behind the last answer
    }
    co_await wait_for_room();
    const bool is_drawn = round.pause != round.pause.zero();
    if (const auto time = is_drawn ? round.pause : draw_allowance(); time != time.zero())
        co_await pause(time);
    co_return true;
}

/// Stanzas from the parser, until there is none or others are to have their turn.
StreamDriver::Took StreamDriver::take_turn(std::vector<Inbound>& inbound) {
    Took took = Took::TurnOver;
    do {   // one at least
        auto event = codec_->next();
        std::optional<xml::StreamError> wrong;
        if (!event) {
            if (!fault_ && parse_more()) continue;
            took = Took::All;
        } else if (auto* stanza = std::get_if<xml::Element>(&*event)) {
            if (auto error = stream::error_of_peer(*stanza)) {
                took = Took::End;
                ending_ = Ending::Goodbye;
                reason_ = std::move(*error);
            } else {
                wrong = take_stanza(std::move(*stanza), inbound);
            }
        } else if (auto* broken = std::get_if<xml::StreamBroken>(&*event)) {
            wrong = xml::to_stream_error(*broken);
        } else if (std::holds_alternative<xml::StreamClose>(*event)) {
            took = Took::End;
            ending_ = Ending::Goodbye;
        } else {
            wrong = xml::StreamError{"bad-format", "a stream has one header", {}};
        }
        if (!wrong) continue;
        fault_ = std::make_unique<xml::StreamError>(std::move(*wrong)
        );   // events before the error are still handled
        took = Took::End;
    } while (took == Took::TurnOver && !is_turn_over());
    return took;
}

std::optional<xml::StreamError> StreamDriver::take_stanza(
    xml::Element stanza, std::vector<Inbound>& inbound
) {
    turn_.count_stanza();
    ++unpaid_.stanzas;
    auto routed = shared_.core.router().prepare(*session_, std::move(stanza));
    if (auto* error = std::get_if<xml::StreamError>(&routed)) return std::move(*error);
    if (auto* one = std::get_if<Inbound>(&routed)) {
        if (one->word && std::holds_alternative<sm::Enable>(*one->word)) is_managed_ = true;
        inbound.push_back(std::move(*one));
        return std::nullopt;
    }
    auto* answer = std::get_if<std::string>(&routed);
    // Stanzas before this one may be held until other members know them.
    const auto& cluster = shared_.config.cluster;
    const bool is_behind =
        answer && !inbound.empty() && cluster.is_on() && cluster.acknowledge == "everywhere";
    if (is_managed_ || is_behind)
        inbound.emplace_back().answered = answer ? std::move(*answer) : std::string();
    else if (answer)
        outbox_.push_own(Outgoing::stanza(std::make_shared<const std::string>(std::move(*answer))));
    return std::nullopt;
}

/// Handlers that wait for this thread or strand go first.
asio::awaitable<void> StreamDriver::yield() {
    co_await asio::post(channel_->strand(), asio::use_awaitable);
    turn_.begin(steady_clock::now());
}

/// A peer that does not read its answers is not asked for more.
asio::awaitable<void> StreamDriver::wait_for_room() {
    while (!is_closing_ && !has_room()) {
        co_await channel_->wait_writable();
        turn_.begin(steady_clock::now());
        flush();
    }
}

/// A client that sends more than its rate is not read for the time that is returned.
std::chrono::nanoseconds StreamDriver::draw_allowance() {
    const Sent sent = std::exchange(unpaid_, {});
    shared_.core.stream_counts().stanzas.add(sent.stanzas);
    shared_.core.stream_counts().bytes.add(sent.bytes);
    if (!allowance_ || is_closing_ || fault_) return {};
    const auto verdict = allowance_->draw(sent, steady_clock::now());
    if (verdict.is_first)
        shared_.log.fold(
            Level::Warn, "session_slowed",
            {{"session", name()},
             {"jid", session_->jid.str()},
             {"do", "its client sends more than limits.stanzas_per_second or bytes_per_second"}}
        );
    if (!verdict.is_flood) return verdict.pause;
    fault(
        {"policy-violation",
         "for limits.flood_seconds_max seconds this stream sent more than "
         "limits.stanzas_per_second or limits.bytes_per_second, without a break",
         {}}
    );
    return {};
}

asio::awaitable<void> StreamDriver::pause(std::chrono::nanoseconds time) {
    if (!pause_) pause_ = std::make_unique<asio::steady_timer>(channel_->strand());
    pause_->expires_after(time);
    last_read_ = steady_clock::now() + time;   // the silence until then is ours
    co_await pause_->async_wait(net::no_throw);
    turn_.begin(steady_clock::now());
}

/// Waits, within a bound, until every request that was taken has its answer in the outbox.
asio::awaitable<void> StreamDriver::answer_what_was_taken() {
    last_answers_ =
        std::make_unique<asio::steady_timer>(channel_->strand(), last_answers_seconds_max);
    shared_.core.finish(session_, [self = shared_from_this()] {
        asio::post(self->channel_->strand(), [self] { self->last_answers_->cancel(); });
    });
    co_await last_answers_->async_wait(net::no_throw);
}

void StreamDriver::send(std::vector<Outgoing> stanzas, std::size_t bytes) {
    if (!mailbox_.put({std::move(stanzas), bytes})) return;
    shared_.core.flush_limiter().begin();
    asio::defer(channel_->strand(), [self = shared_from_this()] {
        self->take_mail();
        self->shared_.core.flush_limiter().end();
    });
}

/// A session is sent stanzas from its entry on, and the client knows of it by the answer to its
/// bind, which may wait for other members.
void StreamDriver::take_mail() {
    // establish() takes it behind that answer, and knows whose budget it is in.
    if (negotiation_ && !(is_closing_ && session_)) return;
    mailbox_.take([this](Mailbox::Mail mail) {
        // No stanza may follow </stream:stream>.
        if (is_end_sent_) return lose(mail);
        outbox_.push(std::move(mail.stanzas), mail.bytes);
    });
    flush();
}

/// Remembers from which revision on items in this mail were not sent, so that they are replayed
/// later.
void StreamDriver::lose(const Mailbox::Mail& mail) {
    session_->budget->give(mail.bytes);
    for (const auto& stanza : mail.stanzas)
        if (const storage::Revision first = stanza.owed_from(); first != 0)
            lost_from_ = lost_from_ == 0 ? first : std::min(lost_from_, first);
}

void StreamDriver::mark(std::uint64_t number, std::function<void(std::uint64_t)> done) {
    asio::post(channel_->strand(), [self = shared_from_this(), number, done = std::move(done)] {
        self->outbox_.mark(number);
        done(self->outbox_.acked().application);
    });
}

/// How much the peer has received, judged by the way the connection ended: a machine whose process
/// dies with unread data resets the connection instead of closing it. One that says goodbye reads
/// to our own, unless it is far behind.
Delivered StreamDriver::delivered() {
    if (ending_ == Ending::Goodbye && outbox_.empty()) return {true, 0, lost_from_};
    const auto acked = outbox_.acked();
    const bool is_alive = ending_ == Ending::Closed || ending_ == Ending::Goodbye;
    return {false, is_alive ? acked.kernel : acked.application, lost_from_};
}

void StreamDriver::close(std::optional<xml::StreamError> error) {
    asio::post(channel_->strand(), [self = shared_from_this(), error = std::move(error)] {
        if (self->negotiation_) {
            // establish() says it in the right form, or end() where a session is there.
            self->is_shut_down_ = error.has_value();
            if (error && !self->fault_) self->fault_ = std::make_unique<xml::StreamError>(*error);
        } else if (error) {
            self->is_silent_ = error->condition == "connection-timeout";
            self->end_with(*error);
        }
        self->wake();
    });
}

void StreamDriver::flush() {
    unsent_bytes_ = outbox_.unsent_bytes();
    if (is_write_waiting_) return outbox_.charge();
    const auto flushed = outbox_.flush();
    unsent_bytes_ = outbox_.unsent_bytes();
    switch (flushed) {
        case Outbox::Flushed::All:
            return;
        case Outbox::Flushed::SocketFull:
            return wait_writable();
        case Outbox::Flushed::TurnOver:
            return flush_again();
        case Outbox::Flushed::Broken:
            if (reason_.empty()) reason_ = channel_->failure();
            ending_ = Ending::CutOff;
            outbox_.drop();
            wake();
    }
}

void StreamDriver::wait_writable() {
    is_write_waiting_ = true;
    channel_->when_writable([self = shared_from_this()] { self->may_write(); });
}

/// The socket would take more, and others have their turn first.
void StreamDriver::flush_again() {
    is_write_waiting_ = true;
    asio::post(channel_->strand(), [self = shared_from_this()] { self->may_write(); });
}

void StreamDriver::may_write() {
    is_write_waiting_ = false;
    // Once closing, end() writes the rest, against the clock.
    if (!is_closing_) flush();
}

void StreamDriver::end_with(const xml::StreamError& error) {
    if (is_end_sent_) return;
    is_end_sent_ = true;
    reason_ = error.condition + ": " + error.text;
    std::string last;
    codec_->element(last, error.to_element());
    codec_->close(last);
    outbox_.push_framed(std::move(last));
    wake();
}

/// Ends the stream with an error that the coroutine sends when all answers are out.
void StreamDriver::fault(xml::StreamError error) {
    if (!fault_) fault_ = std::make_unique<xml::StreamError>(std::move(error));
    channel_->cancel();
}

/// Makes every wait on the socket return, so that the coroutine sees that it is to end.
void StreamDriver::wake() {
    is_closing_ = true;
    channel_->cancel();
    if (last_answers_) last_answers_->cancel();
    stop_waiting_for_place();
    if (pause_) pause_->cancel();
}

/// The last words, within a bound; then the table forgets us.
asio::awaitable<void> StreamDriver::end() {
    if (!session_)
        shared_.log.fold(
            Level::Info, "stream_ended",
            {{"session", name()}, {"address", address_}, {"reason", reason_}}
        );
    is_closing_ = true;
    bool has_left = false;
    idle_timer_.reset();
    stanza_timer_.reset();
    unparsed_.reset();
    codec_->restart();   // an unfinished stanza is of no use, and the goodbye may take a while
    charge_unfinished();
    if (session_) {
        has_left = co_await take_leave();
    }
    std::string last;
    codec_->end(last);
    outbox_.push_framed(std::move(last));
    net::Watchdog<net::Strand> watchdog(channel_->strand(), goodbye_seconds_max, [this] {
        channel_->abort();
    });
    channel_->ends_soon();
    auto flushed = outbox_.flush();
    for (; !watchdog.has_expired(); flushed = outbox_.flush()) {
        if (flushed == Outbox::Flushed::SocketFull)
            co_await channel_->wait_writable();
        else if (flushed == Outbox::Flushed::TurnOver)
            co_await yield();
        else
            break;
    }
    const bool is_all_sent = flushed == Outbox::Flushed::All;
    outbox_.drop();
    tls_place_.reset();   // the memory of TLS is free as soon as the goodbye is out
    const bool is_all_read = co_await channel_->close(goodbye_seconds_max) && is_all_sent;
    // Where it was we who ended, or the peer is far behind: what it has read is known only now.
    const bool is_said = ending_ == Ending::Ours || ending_ == Ending::Goodbye;
    if (has_left && is_all_read && is_said) shared_.core.confirm_delivered(session_);
    progress_.reset();
    over({});
}

/// False: the session goes on without this connection.
asio::awaitable<bool> StreamDriver::take_leave() {
    using Detached = Core::Detached;
    const bool is_fault = fault_ != nullptr;
    // Stanzas from the core strand are either sent or known to be lost before the session leaves.
    const auto detached = co_await net::from_callback<Detached>([&](auto done) {
        shared_.core.detach(session_, attachment_, is_lost() && !is_fault, done);
    });
    take_mail();
    while (outbox_.flush() == Outbox::Flushed::TurnOver) co_await yield();
    const Delivered has = delivered();   // before our own goodbye is in the outbox
    if (fault_) end_with(*fault_);
    if (!is_end_sent_) {
        std::string last;
        codec_->close(last);
        outbox_.push_framed(std::move(last));
    }
    is_end_sent_ = true;
    const bool leaves = detached == Detached::Leaves;
    if (leaves) shared_.core.leave(session_, attachment_, reason_, has);
    shared_.log.info(
        leaves ? "session_ended" : "connection_ended",
        {{"session", name()},
         {"jid", session_->jid.str()},
         {"reason", reason_},
         {"goes_on", detached == Detached::Hibernates ? "may be resumed"
                     : leaves                         ? "no"
                                                      : "on another connection"}}
    );
    co_return leaves;
}

/// The client did not mean the session to end, and we did not.
bool StreamDriver::is_lost() const {
    return ending_ == Ending::CutOff || ending_ == Ending::Closed || is_silent_;
}

/// A peer that vanished without a word is found by asking it (XEP-0199 §4.2), then given up.
void StreamDriver::watch_idle() {
    if (shared_.config.limits.idle_seconds_max == 0) return;
    const auto idle_max = std::chrono::seconds(shared_.config.limits.idle_seconds_max);
    idle_timer_ = std::make_unique<asio::steady_timer>(channel_->strand());
    idle_timer_->expires_at(last_read_ + (is_pinged_ ? idle_max : idle_max / 2));
    idle_timer_->async_wait([weak = weak_from_this(), idle_max](boost::system::error_code error) {
        auto self = weak.lock();
        if (error || !self || self->is_closing_) return;
        const auto idle = std::chrono::steady_clock::now() - self->last_read_;
        if (idle >= idle_max) {
            self->is_silent_ = true;
            return self->end_with(
                {"connection-timeout", "nothing was heard for limits.idle_seconds_max seconds", {}}
            );
        }
        if (idle >= idle_max / 2 && !self->is_pinged_) {
            self->is_pinged_ = true;
            self->ping();
        }
        self->watch_idle();
    });
}

void StreamDriver::ping() {
    if (std::string framed = codec_->ping(); !framed.empty())
        outbox_.push_framed(std::move(framed));
    else if (is_managed_)
        outbox_.push_own(Outgoing::whole(StanzaKind::Element, sm::request()));
    else
        outbox_.push_own(ping_of(shared_.config.domain, session_->component));
    flush();
}

/// Memory of an unfinished stanza is charged to its account: it can be many times what was sent,
/// and stay as long as the stream.
void StreamDriver::charge_unfinished() {
    if (!session_) return;
    const auto& account = session_->budget->parent();
    std::size_t held = codec_->held_bytes();
    if (held <= uncharged_bytes_max) held = 0;
    auto& charged = unfinished_.charged_bytes;
    if (held <= charged) {
        account->give(charged - held);
    } else if (account->take(held - charged) != Budget::Taken::Yes) {
        const bool is_account = account->used() + (held - charged) > account->bytes_max();
        return fault(
            {is_account ? "policy-violation" : "resource-constraint",
             is_account ? "what this account sends and does not complete, and what it does not "
                          "read, takes up more than 4 x limits.outbox_bytes_max"
                        : "what all clients have not completed or read takes up more than "
                          "limits.process_bytes_max",
             {}}
        );
    }
    charged = held;
}

/// After bytes were read: a stanza must end in time once it has begun.
void StreamDriver::watch_stanza() {
    if (shared_.config.limits.stanza_seconds_max == 0) return;
    auto& stanza = unfinished_;
    if (codec_->pending_bytes() == 0) {
        stanza.is_known = false;
        return;
    }
    if (stanza.is_known && stanza.number == codec_->stanzas()) return;
    stanza.is_known = true;
    stanza.number = codec_->stanzas();
    stanza.began = last_read_;
    if (!stanza.is_watched) arm_stanza_timer();
}

void StreamDriver::arm_stanza_timer() {
    const auto most = std::chrono::seconds(shared_.config.limits.stanza_seconds_max);
    if (!stanza_timer_) stanza_timer_ = std::make_unique<asio::steady_timer>(channel_->strand());
    unfinished_.is_watched = true;
    stanza_timer_->expires_at(unfinished_.began + most);
    stanza_timer_->async_wait([weak = weak_from_this(), most](boost::system::error_code error) {
        auto self = weak.lock();
        if (error || !self || self->is_closing_) return;
        auto& stanza = self->unfinished_;
        stanza.is_watched = false;
        if (!stanza.is_known) return;
        // The client cannot help it that we were not reading.
        if (!self->is_reading_) stanza.began = steady_clock::now();
        if (steady_clock::now() - stanza.began < most) return self->arm_stanza_timer();
        self->fault(
            {"policy-violation",
             "a stanza was not complete after limits.stanza_seconds_max, " +
                 std::to_string(most.count()) + " seconds",
             {}}
        );
    });
}

}   // namespace grid::server::c2s
