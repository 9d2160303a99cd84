// server/bulk/proxy.cpp: one coroutine per connection, until its stream is active or its time is
// over.
#include "server/bulk/proxy.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <utility>

#include "server/bulk/lanes.hpp"
#include "server/bulk/relay.hpp"
#include "server/bulk/socks5.hpp"
#include "server/net/deadline.hpp"
#include "server/net/entrance.hpp"
#include "server/net/from_callback.hpp"
#include "server/net/source.hpp"
#include "server/net/tls_places.hpp"
#include "server/tls/certificate.hpp"
#include "server/tls/revocation/vetting.hpp"

namespace grid::server::bulk {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr unsigned char tls_handshake_record = 0x16;
constexpr auto proxy_goodbye_max = std::chrono::seconds(2);

net::Entrance::Bounds proxy_bounds(const Config::Bulk& bulk, std::size_t transfers_max) {
    return {
        {2 * transfers_max + bulk.waiting_max, "bulk.transfers_max"},
        {},
        {bulk.waiting_max, "bulk.waiting_max"},
        {bulk.waiting_per_address_max, "bulk.waiting_per_address_max"},
        net::leaving_max(bulk.waiting_max)
    };
}

/// As many threads as the reactor has, which they give way to (SCHED_BATCH).
std::size_t proxy_lanes(std::size_t reactor_threads) {
    return reactor_threads == 0 ? std::thread::hardware_concurrency() : reactor_threads;
}

/// Reset, or at its end with nothing left to read.
bool is_gone(int descriptor) {
    pollfd broken{descriptor, 0, 0};   // asks for errors alone
    if (::poll(&broken, 1, 0) > 0) return true;
    char byte = 0;
    const auto size = ::recv(descriptor, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return size == 0 || (size < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

}   // namespace

class ProxyConnection;

struct ProxyShared {
    explicit ProxyShared(Proxy::Parts given)
        : parts(std::move(given)),
          entrance(std::make_shared<net::Entrance>(
              proxy_bounds(parts.config.bulk, parts.config.controller.bulk.transfers_max)
          )),
          tls_places(std::make_shared<net::TlsPlaces>(parts.config.limits.pre_auth_tls_max)),
          lanes(proxy_lanes(parts.config.reactor.threads), parts.log) {}

    const Proxy::Parts parts;
    std::shared_ptr<net::Entrance> entrance;
    std::shared_ptr<net::TlsPlaces> tls_places;
    Lanes lanes;   // of streams that are active

    bool enter(ProxyConnection* connection, std::weak_ptr<ProxyConnection> self) {
        const std::lock_guard lock(mutex_);
        if (is_closed_) return false;
        live_.emplace(connection, std::move(self));
        return true;
    }
    void leave(ProxyConnection* connection) {
        const std::lock_guard lock(mutex_);
        live_.erase(connection);
    }
    void close();

private:
    std::mutex mutex_;
    bool is_closed_ = false;
    std::unordered_map<ProxyConnection*, std::weak_ptr<ProxyConnection>> live_;
};

/// On the socket's strand until its stream is active: then the relay has the stream.
class ProxyConnection final : public Waiting, public std::enable_shared_from_this<ProxyConnection> {
public:
    ProxyConnection(
        std::shared_ptr<ProxyShared> shared,
        net::Socket socket,
        std::string peer,
        std::shared_ptr<net::Entrance::Place> place
    )
        : shared_(std::move(shared)),
          strand_(socket.get_executor()),
          stream_(std::make_unique<net::TlsStream>(std::move(socket))),
          peer_(std::move(peer)),
          place_(std::move(place)),
          timer_(strand_) {}
    ~ProxyConnection() override { shared_->leave(this); }

    static asio::awaitable<void> run(std::shared_ptr<ProxyConnection> self);
    /// Any thread. Ends the connection unless its stream is active.
    void give_up(std::string reason);

    const std::vector<Party>& proofs() const override { return proofs_; }
    void join(WaitingPtr other, RunningPtr running) override;
    void cut(State why) override;

private:
    using Stream = std::unique_ptr<net::TlsStream>;   // null: the connection is gone
    using Taken = std::function<void(Stream)>;
    /// Of the one that was asked to join: what a cut finds.
    struct Joint {
        std::mutex mutex;
        std::weak_ptr<Relay> relay;
        bool is_cut = false;
    };
    /// Both streams of a pair, on one strand.
    struct Ends {
        std::shared_ptr<ProxyConnection> first, second;
        Stream one, other;
    };

    asio::awaitable<bool> begin_tls();
    asio::awaitable<bool> shake_hands();
    asio::awaitable<bool> take_tls_place();
    asio::awaitable<bool> speak();
    asio::awaitable<bool> read_request(Socks5& socks);
    asio::awaitable<bool> send(std::string bytes);
    asio::awaitable<bool> arrive();
    asio::awaitable<void> wait_for_other();
    void watch_peer(net::Socket::wait_type what);
    /// Any thread; `taken` on that strand, on which the stream runs from then on.
    void take(net::Strand strand, Taken taken);
    void relay(Ends ends, const RunningPtr& running, const net::Strand& strand);
    void log_refusal();

    std::shared_ptr<ProxyShared> shared_;
    net::Strand strand_;
    Stream stream_;
    std::string peer_, hash_, reason_;
    std::shared_ptr<net::Entrance::Place> place_;
    asio::basic_waitable_timer<
        std::chrono::steady_clock,
        asio::wait_traits<std::chrono::steady_clock>,
        net::Strand>
        timer_;
    std::shared_ptr<net::TlsPlaces::Claim> tls_place_;
    std::vector<Party> proofs_;
    std::optional<std::pair<net::Strand, Taken>> wanted_;
    bool has_arrived_ = false, is_over_ = false;
    Joint joint_;
};

void ProxyShared::close() {
    std::vector<std::shared_ptr<ProxyConnection>> all;
    {
        const std::lock_guard lock(mutex_);
        is_closed_ = true;
        for (auto& [connection, weak] : live_)
            if (auto strong = weak.lock()) all.push_back(std::move(strong));
    }
    for (const auto& connection : all) connection->give_up("the server stops");
}

asio::awaitable<void> ProxyConnection::run(std::shared_ptr<ProxyConnection> self) {
    if (!self->shared_->enter(self.get(), self)) co_return;
    bool is_waiting = false;
    {
        const auto& limits = self->shared_->parts.config.limits;
        net::Watchdog<net::Strand> watchdog(
            self->strand_, std::chrono::seconds(limits.pre_auth_seconds_max),
            [weak = self->weak_from_this()] {
                if (const auto late = weak.lock()) late->give_up("no request came in time");
            }
        );
        is_waiting = co_await self->begin_tls() && co_await self->speak();
    }
    if (is_waiting) co_await self->wait_for_other();
    const bool is_joined = !self->stream_;
    // An activation that comes now hears that the stream is gone.
    self->is_over_ = true;
    if (is_joined) co_return;
    if (self->has_arrived_)
        self->shared_->parts.post([self] { self->shared_->parts.streams.leave(self->hash_, *self); }
        );
    if (auto wanted = std::exchange(self->wanted_, std::nullopt))
        asio::post(wanted->first, [taken = std::move(wanted->second)] { taken(nullptr); });
    if (!is_waiting) {
        self->log_refusal();
        co_await self->stream_->close(proxy_goodbye_max);
    }
    self->stream_->abort();
    self->place_->close();
}

void ProxyConnection::give_up(std::string reason) {
    asio::post(strand_, [self = shared_from_this(), reason = std::move(reason)] {
        if (!self->stream_ || self->wanted_) return;   // the relay has the stream, or is about to
        self->is_over_ = true;
        if (self->reason_.empty()) self->reason_ = reason;
        self->timer_.cancel();
        self->stream_->abort();
        self->place_->close();
    });
}

void ProxyConnection::log_refusal() {
    shared_->parts.log.fold(
        Level::Info, "proxy_refused",
        {{"peer", peer_}, {"reason", reason_.empty() ? "the peer went away" : reason_}}
    );
}

/// The first byte tells TLS from SOCKS5; it stays in the socket.
asio::awaitable<bool> ProxyConnection::begin_tls() {
    auto [silent] = co_await stream_->wait_readable();
    if (silent || is_over_) co_return false;
    place_->speak();
    unsigned char first = 0;
    const auto size = ::recv(stream_->socket().native_handle(), &first, 1, MSG_PEEK | MSG_DONTWAIT);
    const bool is_tls = size == 1 && first == tls_handshake_record;
    if (!is_tls && shared_->parts.config.bulk.tls_required) {
        reason_ = "bulk.tls_required: TLS is to come first";
        co_return false;
    }
    if (!is_tls) co_return size == 1;
    const bool is_encrypted = co_await take_tls_place() && co_await shake_hands();
    tls_place_.reset();
    co_return is_encrypted && !is_over_;
}

asio::awaitable<bool> ProxyConnection::shake_hands() {
    place_->begin();
    const error_code error = co_await stream_->handshake(
        shared_->parts.tls, std::chrono::seconds(shared_->parts.config.limits.pre_auth_seconds_max)
    );
    if (error) {
        if (reason_.empty()) reason_ = "TLS handshake failed: " + stream_->failure();
        co_return false;
    }
    const auto presented =
        co_await shared_->parts.vetting.vet(*stream_, [this] { tls_place_.reset(); });
    if (!presented.can_log_in()) {
        reason_ = presented.reason.empty() ? "the client showed no certificate" : presented.reason;
        co_return false;
    }
    for (const xml::Jid& account : presented.identities) {
        const auto identity = tls::to_identity(presented, account);
        pubsub::Principal principal;
        principal.jid = account;
        principal.address = peer_;
        principal.issuer = controller::authorities_text(identity);
        principal.is_mapped = identity.is_mapped;
        proofs_.push_back(party_of(principal, identity));
    }
    co_return true;
}

/// Handshakes have places of their own: each takes a hundred times the memory of a waiting
/// connection.
asio::awaitable<bool> ProxyConnection::take_tls_place() {
    using Clock = net::TlsPlaces::Clock;
    tls_place_ = shared_->tls_places->claim(
        net::source_of(peer_), Clock::now(), [] {},
        [weak = weak_from_this()] {
            if (auto self = weak.lock()) self->give_up("gave way to others that wait for TLS");
        }
    );
    while (!tls_place_->is_held() && !is_over_) {
        timer_.expires_after(net::TlsPlaces::retry_interval);
        co_await timer_.async_wait(net::no_throw);
        if (!is_over_) tls_place_->retry(Clock::now());
    }
    co_return !is_over_;
}

/// The answer says that the connection is known: so it is, before.
asio::awaitable<bool> ProxyConnection::speak() {
    Socks5 socks;
    if (!co_await read_request(socks)) {
        if (reason_.empty()) reason_ = socks.reason();
        co_return false;
    }
    hash_ = socks.hash();
    has_arrived_ = co_await arrive();
    if (has_arrived_) co_return co_await send(socks.answer(Socks5::Reply::Succeeded));
    reason_ = "the stream has its two connections";
    co_await send(socks.answer(Socks5::Reply::NotAllowed));
    co_return false;
}

/// Exactly the bytes of the request: what comes behind them is the stream's.
asio::awaitable<bool> ProxyConnection::read_request(Socks5& socks) {
    std::array<char, 262> buffer{};
    while (socks.wants() != 0) {
        const auto read =
            stream_->read_now({buffer.data(), std::min(socks.wants(), buffer.size())});
        if (read.error || is_over_) co_return false;
        if (read.would_block) {
            auto [error] = co_await stream_->wait_readable();
            if (error) co_return false;
            continue;
        }
        if (!co_await send(socks.take({buffer.data(), read.bytes}))) co_return false;
    }
    co_return socks.stage() == Socks5::Stage::Asked;
}

asio::awaitable<bool> ProxyConnection::send(std::string bytes) {
    std::string_view left = bytes;
    while (!left.empty()) {
        const auto written = stream_->write_now(left);
        if (written.error) co_return false;
        left.remove_prefix(written.bytes);
        if (left.empty() || !written.would_block) continue;
        auto [error] = co_await stream_->wait_writable();
        if (error) co_return false;
    }
    co_return true;
}

asio::awaitable<bool> ProxyConnection::arrive() {
    return net::from_callback<bool>([self = shared_from_this()](auto done) {
        self->shared_->parts.post([self, done] {
            done(self->shared_->parts.streams.arrive(self->hash_, self));
        });
    });
}

asio::awaitable<void> ProxyConnection::wait_for_other() {
    watch_peer(net::Socket::wait_read);
    watch_peer(net::Socket::wait_error);
    timer_.expires_after(std::chrono::seconds(shared_->parts.config.bulk.waiting_seconds_max));
    while (!wanted_ && !is_over_) {
        const auto [cancelled] = co_await timer_.async_wait(net::no_throw);
        if (!cancelled) break;
    }
    // Displaced in the meantime: then it was closed.
    if (!wanted_ || is_over_ || !place_->keep()) co_return;
    const auto wanted = std::exchange(wanted_, std::nullopt);
    stream_->move_to(wanted->first);
    auto moved = std::make_shared<Stream>(std::move(stream_));
    asio::post(wanted->first, [moved, taken = wanted->second] { taken(std::move(*moved)); });
}

/// A client that goes away while its connection waits leaves the place to its next try. Its end
/// shows when there is nothing else to read; its reset also behind bytes that it has sent before.
void ProxyConnection::watch_peer(net::Socket::wait_type what) {
    stream_->socket().async_wait(what, [weak = weak_from_this()](error_code cancelled) {
        const auto self = weak.lock();
        if (cancelled || !self || !self->stream_ || !self->stream_->socket().is_open()) return;
        if (is_gone(self->stream_->socket().native_handle())) self->give_up("the peer went away");
    });
}

void ProxyConnection::take(net::Strand strand, Taken taken) {
    asio::post(strand_, [self = shared_from_this(), strand, taken = std::move(taken)]() mutable {
        if (self->is_over_ || self->wanted_)
            return asio::post(strand, [taken = std::move(taken)] { taken(nullptr); });
        self->wanted_.emplace(strand, std::move(taken));
        self->timer_.cancel();
    });
}

/// First its own stream, then the other one's, each when its connection has nothing else to do.
void ProxyConnection::join(WaitingPtr other, RunningPtr running) {
    const net::Strand strand = shared_->lanes.strand();
    auto ends = std::make_shared<Ends>();
    ends->first = shared_from_this();
    ends->second = std::static_pointer_cast<ProxyConnection>(other);
    take(strand, [ends, running, strand](Stream one) {
        ends->one = std::move(one);
        ends->second->take(strand, [ends, running, strand](Stream two) {
            ends->other = std::move(two);
            const auto self = ends->first;
            self->relay(std::move(*ends), running, strand);
        });
    });
}

void ProxyConnection::relay(Ends ends, const RunningPtr& running, const net::Strand& strand) {
    Transfers& transfers = shared_->parts.transfers;
    const std::lock_guard lock(joint_.mutex);
    if (!ends.one || !ends.other || joint_.is_cut) {
        for (Stream* stream : {&ends.one, &ends.other})
            if (*stream) (*stream)->reset();
        return transfers.end(running, State::Lost, "a connection went away before activation");
    }
    const auto started = std::make_shared<Relay>(
        strand, std::move(ends.one), std::move(ends.other), running,
        [&transfers, running, first = ends.first, second = ends.second](
            State why, std::string detail
        ) { transfers.end(running, why, std::move(detail)); }
    );
    joint_.relay = started;
    started->start();
}

void ProxyConnection::cut(State why) {
    const std::lock_guard lock(joint_.mutex);
    joint_.is_cut = true;
    if (const auto relay = joint_.relay.lock()) relay->cut(why);
}

Proxy::Proxy(Parts parts) : shared_(std::make_shared<ProxyShared>(std::move(parts))) {}
Proxy::~Proxy() = default;

void Proxy::start(net::Listener& listener) {
    listener.start(
        [shared = shared_](net::Socket socket, std::string peer) {
            auto entered = shared->entrance->enter(net::source_of(peer));
            if (!entered.reason.empty())
                shared->parts.log.fold(
                    Level::Warn, entered.place ? "proxy_displaced" : "proxy_refused",
                    {{"peer", peer}, {"reason", entered.reason}}
                );
            if (!entered.place) return;
            auto executor = socket.get_executor();
            auto connection = std::make_shared<ProxyConnection>(
                shared, std::move(socket), std::move(peer), entered.place
            );
            entered.place->on_displaced([weak = connection->weak_from_this()] {
                if (const auto self = weak.lock()) self->give_up("gave way to a newcomer");
            });
            asio::co_spawn(
                executor, ProxyConnection::run(std::move(connection)),
                [shared](std::exception_ptr failure) {
                    if (!failure) return;
                    try {
                        std::rethrow_exception(failure);
                    } catch (const std::exception& fault) {
                        shared->parts.log.error("proxy_failed", {{"reason", fault.what()}});
                    }
                }
            );
        },
        [shared = shared_](const std::string& complaint) {
            shared->parts.log.error("accept_failed", {{"reason", complaint}});
        }
    );
}

void Proxy::close() { shared_->close(); }

void Proxy::stop() { shared_->lanes.stop(); }

}   // namespace grid::server::bulk
