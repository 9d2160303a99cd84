// server/cluster/link/hub_connections.cpp: how a connection becomes a link.
#include <algorithm>
#include <utility>

#include "server/cluster/link/hub.hpp"
#include "server/net/deadline.hpp"
#include "server/net/source.hpp"

namespace grid::server::cluster {

namespace asio = boost::asio;
using std::chrono::milliseconds;

namespace {

constexpr milliseconds retry_pause_min{100}, retry_pause_max{1'000};
/// A member that has just started is refused by those that have not heard of it yet.
constexpr int failures_unsaid = 3;

}   // namespace

/// On the listener's strand.
void LinksHub::enter(net::Socket socket, const std::string& address) {
    auto [place, reason] = entrance_->enter(net::source_of(address));
    if (!reason.empty())
        log_.fold(Level::Warn, "cluster_link_refused", {{"peer", address}, {"reason", reason}});
    if (!place || is_stopped_) return;
    const auto strand = socket.get_executor();
    const auto wire = std::make_shared<Wire>(std::move(socket));
    place->on_displaced([strand, weak = std::weak_ptr(wire)] {
        asio::post(strand, [weak] {
            if (const auto displaced = weak.lock()) displaced->stream().abort();
        });
    });
    asio::co_spawn(strand, greet(shared_from_this(), wire, address, place), asio::detached);
}

/// On the connection's own strand: strangers do not hold up the links.
asio::awaitable<void> LinksHub::greet(
    std::shared_ptr<LinksHub> self, std::shared_ptr<Wire> wire, std::string from, PlacePtr place
) {
    const auto refused = [&](const std::string& why) {
        self->log_.fold(Level::Warn, "cluster_link_refused", {{"peer", from}, {"reason", why}});
    };
    using Clock = std::chrono::steady_clock;
    const auto until = Clock::now() + self->settings_.greeting_max;
    const auto name = co_await shake_hands(
        wire, self->tls(&MemberTls::accepting), self->objection(), self->settings_.greeting_max
    );
    if (!name) co_return refused(name.error());
    place->begin();
    const auto left = std::chrono::ceil<milliseconds>(until - Clock::now());
    const auto hello = co_await hear_hello(wire, *name, self->own_, left);
    if (!hello) {
        self->note_refusal(*name, hello.error());
        co_return refused(hello.error());
    }
    if (!place->keep() || !wire->stream().socket().is_open()) co_return;
    wire->stream().move_to(self->strand_);
    asio::post(self->strand_, [=] { self->welcome(wire, *hello, from, place); });
}

void LinksHub::welcome(
    const std::shared_ptr<Wire>& wire, const Hello& hello, const std::string& from, PlacePtr place
) {
    if (is_stopped_) return wire->stream().abort();
    const PeerPtr peer = find(hello.id);
    std::string why;
    if (!peer || peer->member.name != hello.name)
        why = "this member has not heard of it yet";
    else if (hello.id > own_.id)
        why = "the member whose id is less connects";
    else if (hello.connection <= peer->connection)
        why = "a newer connection was here before";
    if (why.empty())
        return adopt(
            peer, wire, hello.connection, hello_frame(own_, hello.connection), std::move(place)
        );
    log_.debug("cluster_link_declined", {{"member", hello.name}, {"peer", from}, {"reason", why}});
    asio::co_spawn(strand_, refuse(wire, why), asio::detached);
}

/// For a member whose id is greater than this one's.
asio::awaitable<void> LinksHub::keep_connected(std::shared_ptr<LinksHub> self, PeerPtr peer) {
    auto pause = retry_pause_min;
    int failures = 0;
    std::string said;
    const auto is_over = [&] { return peer->is_gone || self->is_stopped_; };
    while (!is_over()) {
        const auto connection = ++self->connections_;
        const auto reached = co_await reach(
            self->strand_, self->tls(&MemberTls::connecting), self->objection(), self->own_,
            peer->member, connection, self->settings_.greeting_max
        );
        if (is_over()) {
            if (reached) (*reached)->stream().abort();
            co_return;
        }
        if (reached) {
            self->adopt(peer, *reached, connection, {}, nullptr);
            while (peer->link && !is_over()) {
                peer->changed.expires_at(std::chrono::steady_clock::time_point::max());
                co_await peer->changed.async_wait(net::no_throw);
            }
            pause = retry_pause_min;
            failures = 0;
            said.clear();
        } else {
            self->note_failure(*peer, ++failures, reached.error(), said);
        }
        if (is_over()) co_return;
        peer->changed.expires_after(pause);
        co_await peer->changed.async_wait(net::no_throw);
        pause = std::min(pause * 2, retry_pause_max);
    }
}

void LinksHub::set_failure(Peer& peer, const std::string& reason) {
    const std::lock_guard lock(mutex_);
    peer.failure = reason;
}

/// Any strand.
void LinksHub::note_refusal(const std::string& name, const std::string& reason) {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, peer] : peers_)
        if (peer->member.name == name) peer->failure = reason;
}

/// Once for each reason, as long as it lasts.
void LinksHub::note_failure(
    Peer& peer, int failures, const std::string& reason, std::string& said
) {
    set_failure(peer, reason);
    if (failures < failures_unsaid || reason == said) return;
    said = reason;
    log_.warn(
        "cluster_link_failed",
        {{"address", peer.member.address}, {"member", peer.member.name}, {"reason", reason}}
    );
}

void LinksHub::adopt(
    const PeerPtr& peer,
    const std::shared_ptr<Wire>& wire,
    std::uint64_t connection,
    std::string first,
    PlacePtr place
) {
    if (const auto before = peer->link) before->end("a newer connection takes its place");
    peer->connection = connection;
    note_shown(*peer, wire->stream().ssl());
    wire->trust(settings_.frame_bytes_max);
    Link::Events events;
    events.frame = [weak = weak_from_this(), id = peer->member.id, place](Frame frame) {
        if (const auto self = weak.lock()) self->take(id, std::move(frame));
    };
    events.ended = [weak = weak_from_this(), of = std::weak_ptr(peer)](const std::string& reason) {
        const auto self = weak.lock();
        if (const auto alive = of.lock(); self && alive) self->lost(*alive, reason);
    };
    const auto link =
        std::make_shared<Link>(wire, peer->lane, settings_.silent_beats_max, std::move(events));
    peer->link = link;
    peer->lane->outbox.open();
    log_.info(
        "cluster_link_up", {{"address", peer->member.address}, {"member", peer->member.name}}
    );
    tell(peer->member, true);
    link->start(std::move(first));
}

}   // namespace grid::server::cluster
