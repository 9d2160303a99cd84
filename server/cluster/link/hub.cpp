// server/cluster/link/hub.cpp: see hub.hpp.
#include "server/cluster/link/hub.hpp"

#include <utility>

#include "server/clock.hpp"
#include "server/guarded_run.hpp"

namespace grid::server::cluster {

namespace asio = boost::asio;

namespace {

constexpr std::size_t connections_max = 256, strangers_max = 32, strangers_per_source_max = 16;

net::Entrance::Bounds link_bounds() {
    net::Entrance::Bounds bounds;
    bounds.all = {connections_max, "the number of connections to listen.cluster"};
    bounds.strangers = {strangers_max, "the number of strangers at listen.cluster"};
    bounds.strangers_per_source = {
        strangers_per_source_max, "the number of strangers of one address at listen.cluster"
    };
    bounds.leaving = net::leaving_max(connections_max);
    return bounds;
}

}   // namespace

LinksHub::LinksHub(
    asio::io_context& context,
    LinksSettings settings,
    MemberTls tls,
    std::unique_ptr<net::Listener> listener,
    std::unique_ptr<tls::CrlWatch> crls,
    Log& log
)
    : settings_(std::move(settings)),
      own_{settings_.cluster, settings_.self.name, settings_.self.id},
      strand_(asio::make_strand(context.get_executor())),
      log_(log),
      listener_(std::move(listener)),
      entrance_(std::make_shared<net::Entrance>(link_bounds())),
      crls_(std::move(crls)),
      beat_timer_(strand_),
      connections_(monotonic_ms()),
      tls_(std::move(tls)) {}

void LinksHub::on(Channel channel, Receive receive) {
    receive_.at(static_cast<std::size_t>(channel)) = std::move(receive);
}

void LinksHub::on_changed(Changed changed) { changed_.push_back(std::move(changed)); }

void LinksHub::start() {
    listener_->start(
        [weak = weak_from_this()](net::Socket socket, const std::string& address) {
            if (const auto self = weak.lock()) self->enter(std::move(socket), address);
        },
        [weak = weak_from_this()](const std::string& complaint) {
            if (const auto self = weak.lock())
                self->log_.error("cluster_accept_failed", {{"reason", complaint}});
        }
    );
    watch_revocations();
    asio::post(strand_, [self = shared_from_this()] { self->beat(); });
}

void LinksHub::stop() {
    crls_->stop();
    listener_->close();
    asio::post(strand_, [self = shared_from_this()] { self->finish(); });
}

void LinksHub::finish() {
    if (is_stopped_.exchange(true)) return;
    beat_timer_.cancel();
    for (const PeerPtr& peer : peers()) {
        peer->lane->outbox.close();
        if (const auto link = std::exchange(peer->link, nullptr)) link->drop();
        peer->changed.cancel();
    }
    const std::lock_guard lock(mutex_);
    peers_.clear();
}

void LinksHub::set_members(std::vector<Member> members) {
    asio::post(strand_, [self = shared_from_this(), members = std::move(members)]() mutable {
        self->use(std::move(members));
    });
}

void LinksHub::use(std::vector<Member> members) {
    if (is_stopped_) return;
    std::vector<PeerPtr> gone, come;
    {
        const std::lock_guard lock(mutex_);
        std::map<storage::MemberId, PeerPtr> before = std::move(peers_);
        peers_.clear();
        for (Member& member : members) {
            if (member.id == own_.id || member.id == 0) continue;
            auto known = before.extract(member.id);
            if (known.empty()) {
                const auto id = member.id;
                auto peer =
                    std::make_shared<Peer>(strand_, std::move(member), settings_.queue_bytes_max);
                if (peers_.emplace(id, peer).second) come.push_back(std::move(peer));
            } else {
                known.mapped()->member = std::move(member);
                peers_.insert(std::move(known));
            }
        }
        for (auto& [id, peer] : before) gone.push_back(std::move(peer));
    }
    for (const PeerPtr& peer : gone) leave(*peer);
    for (PeerPtr& peer : come)
        if (own_.id < peer->member.id)
            asio::co_spawn(
                strand_, keep_connected(shared_from_this(), std::move(peer)), asio::detached
            );
}

void LinksHub::leave(Peer& peer) {
    peer.is_gone = true;
    peer.changed.cancel();
    if (const auto link = peer.link) link->end("it has left the cluster");
}

bool LinksHub::send(storage::MemberId to, Channel channel, std::string payload) {
    if (payload.size() > settings_.frame_bytes_max) return false;
    const PeerPtr peer = find(to);
    if (!peer) return false;
    const auto pushed =
        peer->lane->outbox.push(static_cast<std::uint8_t>(channel), std::move(payload));
    if (pushed == Outbox::Pushed::Wake)
        asio::post(strand_, [peer] {
            if (const auto link = peer->link) link->flush();
        });
    return pushed != Outbox::Pushed::No;
}

std::vector<LinkStatus> LinksHub::status() const {
    std::vector<LinkStatus> all;
    const std::lock_guard lock(mutex_);
    for (const auto& [id, peer] : peers_) {
        const Lane& lane = *peer->lane;
        LinkStatus& status = all.emplace_back();
        status.member = peer->member;
        status.is_up = lane.outbox.is_open();
        if (!status.is_up) status.failure = peer->failure;
        status.queued_bytes = lane.outbox.queued_bytes();
        status.frames_received = lane.frames_received;
        status.bytes_sent = lane.bytes_sent;
        status.bytes_received = lane.bytes_received;
        status.valid_until = status.is_up ? peer->valid_until.load() : 0;
    }
    return all;
}

void LinksHub::beat() {
    if (is_stopped_) return;
    for (const PeerPtr& peer : peers())
        if (const auto link = peer->link) link->beat();
    cut_expired();
    beat_timer_.expires_after(settings_.beat);
    beat_timer_.async_wait([self = shared_from_this()](boost::system::error_code error) {
        if (!error) self->beat();
    });
}

void LinksHub::lost(Peer& peer, const std::string& reason) {
    peer.link = nullptr;
    peer.lane->outbox.close();
    peer.changed.cancel();
    set_failure(peer, reason);
    log_.warn("cluster_link_down", {{"member", peer.member.name}, {"reason", reason}});
    tell(peer.member, false);
}

void LinksHub::tell(const Member& member, bool is_up) {
    for (const Changed& changed : changed_)
        guarded(log_, "cluster links", [&] { changed(member, is_up); });
}

void LinksHub::take(storage::MemberId from, Frame frame) {
    if (frame.channel >= receive_.size() || !receive_.at(frame.channel)) return;
    guarded(log_, "cluster links", [&] {
        receive_.at(frame.channel)(from, std::move(frame.payload));
    });
}

LinksHub::PeerPtr LinksHub::find(storage::MemberId id) const {
    const std::lock_guard lock(mutex_);
    const auto found = peers_.find(id);
    return found == peers_.end() ? nullptr : found->second;
}

std::vector<LinksHub::PeerPtr> LinksHub::peers() const {
    std::vector<PeerPtr> all;
    const std::lock_guard lock(mutex_);
    for (const auto& [id, peer] : peers_) all.push_back(peer);
    return all;
}

}   // namespace grid::server::cluster
