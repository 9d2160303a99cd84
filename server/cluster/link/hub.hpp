// server/cluster/link/hub.hpp: the links to all members: which there are, who connects, and what
// they bring.
#pragma once

#include <array>
#include <atomic>
#include <boost/asio.hpp>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "server/cluster/link/greeting.hpp"
#include "server/cluster/link/link.hpp"
#include "server/cluster/link/tls.hpp"
#include "server/cluster/links.hpp"
#include "server/net/entrance.hpp"
#include "server/net/listener.hpp"

namespace grid::server::cluster {

/// Everything but what "any thread" may call runs on the strand.
class LinksHub final : public Links, public std::enable_shared_from_this<LinksHub> {
public:
    LinksHub(
        boost::asio::io_context& context,
        LinksSettings settings,
        MemberTls tls,
        std::unique_ptr<net::Listener> listener,
        std::unique_ptr<tls::CrlWatch> crls,
        Log& log
    );

    void on(Channel channel, Receive receive) override;
    void on_changed(Changed changed) override;
    void start() override;
    void stop() override;
    void set_members(std::vector<Member> members) override;
    bool send(storage::MemberId to, Channel channel, std::string payload) override;
    void set_id(storage::MemberId id) override { own_.id = id; }
    Result<Step, std::string> prepare_renewal() override;
    storage::Millis valid_until() const override;
    std::string own_revocation() const override;
    std::vector<std::string> problems() const override;
    std::vector<LinkStatus> status() const override;
    std::string address() const override { return listener_->address(); }

private:
    using Timer = boost::asio::basic_waitable_timer<
        std::chrono::steady_clock,
        boost::asio::wait_traits<std::chrono::steady_clock>,
        net::Strand>;
    struct Peer {
        Peer(const net::Strand& strand, Member is, std::size_t queue_bytes_max)
            : member(std::move(is)),
              lane(std::make_shared<Lane>(queue_bytes_max)),
              changed(strand) {}

        Member member;   // written on the strand and under the lock
        const std::shared_ptr<Lane> lane;
        std::shared_ptr<Link> link;                     // null: it is down
        Shown shown;                                    // on that link
        std::atomic<storage::Millis> valid_until = 0;   // of it
        std::uint64_t connection = 0;                   // the newest that there was
        Timer changed;   // cancelled when the link goes or the member does
        bool is_gone = false;
        std::string failure;   // why it is down; under the lock
    };
    using PeerPtr = std::shared_ptr<Peer>;
    using PlacePtr = std::shared_ptr<net::Entrance::Place>;

    // hub_connections.cpp
    void enter(net::Socket socket, const std::string& address);
    static boost::asio::awaitable<void> greet(
        std::shared_ptr<LinksHub> self, std::shared_ptr<Wire> wire, std::string from, PlacePtr place
    );
    void welcome(
        const std::shared_ptr<Wire>& wire,
        const Hello& hello,
        const std::string& from,
        PlacePtr place
    );
    static boost::asio::awaitable<void> keep_connected(
        std::shared_ptr<LinksHub> self, PeerPtr peer
    );
    void note_failure(Peer& peer, int failures, const std::string& reason, std::string& said);
    void note_refusal(const std::string& name, const std::string& reason);
    void set_failure(Peer& peer, const std::string& reason);
    void adopt(
        const PeerPtr& peer,
        const std::shared_ptr<Wire>& wire,
        std::uint64_t connection,
        std::string first,
        PlacePtr place
    );

    // hub_trust.cpp
    void watch_revocations();
    std::string objection_to(const SSL* ssl) const;
    std::string revocation_of(const Shown& shown) const;
    Objection objection() const;
    void note_shown(Peer& peer, const SSL* ssl);
    void cut_revoked(const std::vector<std::string>& links);
    void cut_untrusted();
    void cut_expired();

    void use(std::vector<Member> members);
    void leave(Peer& peer);
    void finish();
    void beat();
    void lost(Peer& peer, const std::string& reason);
    void tell(const Member& member, bool is_up);
    void take(storage::MemberId from, Frame frame);
    tls::Context tls(tls::Context MemberTls::* side) const;
    PeerPtr find(storage::MemberId id) const;
    std::vector<PeerPtr> peers() const;

    const LinksSettings settings_;
    Introduction own_;   // as it is at `start`
    const net::Strand strand_;
    Log& log_;
    const std::unique_ptr<net::Listener> listener_;
    const std::shared_ptr<net::Entrance> entrance_;
    const std::unique_ptr<tls::CrlWatch> crls_;
    std::array<Receive, 7> receive_;   // by channel; neither changes after `start`
    std::vector<Changed> changed_;
    Timer beat_timer_;
    /// Of the newest connection that this side made. Higher than those of links that an earlier hub
    /// of the same member made.
    std::uint64_t connections_;
    std::atomic<bool> is_stopped_ = false;

    mutable std::mutex mutex_;   // of the next ones
    MemberTls tls_;
    std::map<storage::MemberId, PeerPtr> peers_;
};

}   // namespace grid::server::cluster
