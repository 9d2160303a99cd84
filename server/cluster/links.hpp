// server/cluster/links.hpp: connections between the members of a cluster, and what they carry.
#pragma once

#include <boost/asio.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "server/cluster/member.hpp"
#include "server/log.hpp"
#include "server/tls/revocation/crl_watch.hpp"
#include "storage/log.hpp"
#include "xml/result.hpp"

namespace grid::server::cluster {

/// First byte of a frame; the grammar stands in server/cluster/README.md.
enum class Channel : std::uint8_t {
    Store = 1,       // batches to the leader and its refusals (storage::ReplicatedStore)
    Directory = 2,   // sessions that come and go, and what is known of them
    Stanza = 3,      // to a session of the other member
    Copy = 4,        // a copy of the store
    Control = 5,     // drain, promote, what is applied
    Files = 6,       // files that clients exchange
};

struct LinksSettings {
    std::string listen;                 // listen.cluster; port 0: any free one
    std::string certificate, key, ca;   // PEM files: cluster.certificate, cluster.key, cluster.ca
    tls::CrlSources crl;                // cluster.crl; no paths: none is asked
    std::string cluster;                // cluster.name: members of another one are refused
    Member self;
    std::size_t frame_bytes_max = 8UL * 1024 * 1024;
    std::size_t queue_bytes_max = 64UL * 1024 * 1024;   // to one member
    /// From the first byte of a connection to both sides' hello.
    std::chrono::milliseconds greeting_max{5'000};
    std::chrono::milliseconds beat{500};   // a link says something at least so often
    int silent_beats_max = 6;              // a link that is silent for so many ends
};

/// For operators and metrics.
struct LinkStatus {
    Member member;
    bool is_up = false;
    std::string failure;   // why it is down, as far as that is known
    std::size_t queued_bytes = 0;
    std::uint64_t frames_received = 0, bytes_sent = 0, bytes_received = 0;
    storage::Millis valid_until = 0;   // of its certificate and the CAs above it; 0: it is down
};

/// For operators, with the reason of each; empty: one is up, or there is no other member
/// (cluster_advice.cpp).
std::string why_no_link(const std::vector<LinkStatus>& links);

/// One connection to each other member, over TLS 1.3 with certificates of both sides that
/// cluster.ca issued and that carry the role of a member. The member whose id is less connects;
/// both send. Frames arrive in order; those under way when a connection ends are lost, and both
/// sides are told. Any thread may call it; callbacks run on the links' strand.
class Links {
public:
    using Receive = std::function<void(storage::MemberId from, std::string payload)>;
    using Changed = std::function<void(const Member& member, bool is_up)>;

    virtual ~Links() = default;
    /// Call before start().
    virtual void on(Channel channel, Receive receive) = 0;
    /// Several may ask to be told. With is_up: nothing was received from it before.
    virtual void on_changed(Changed changed) = 0;
    virtual void start() = 0;
    /// No callback begins afterwards, once the strand has seen it.
    virtual void stop() = 0;
    /// The members that etcd knows now; links to others are cut.
    virtual void set_members(std::vector<Member> members) = 0;
    /// False: it is not connected, the frame is too large, or its queue is full.
    virtual bool send(storage::MemberId to, Channel channel, std::string payload) = 0;
    /// Before start(): this member's id, where another one than the settings' was taken.
    virtual void set_id(storage::MemberId /*id*/) {}
    /// Reads certificate, key, CAs and revocation lists anew. The step that it returns cannot fail
    /// and puts them in force: for connections from then on, and links whose other side the new CAs
    /// do not know are cut. Any thread; blocks on the disk. The error is for the operator.
    using Step = std::function<void()>;
    virtual Result<Step, std::string> prepare_renewal() {
        return Step([] {});
    }
    /// Until when this member's certificate is valid.
    virtual storage::Millis valid_until() const { return 0; }
    /// Why this member's own certificate is revoked; empty: it is not. Verifies it.
    virtual std::string own_revocation() const { return {}; }
    /// Faults of the revocation lists, a sentence each.
    virtual std::vector<std::string> problems() const { return {}; }
    virtual std::vector<LinkStatus> status() const = 0;
    /// ADDRESS:PORT that is open.
    virtual std::string address() const = 0;
};

/// Opens the port. The error is for the operator.
Result<std::shared_ptr<Links>, std::string> make_links(
    boost::asio::io_context& context, LinksSettings settings, Log& log
);

}   // namespace grid::server::cluster
