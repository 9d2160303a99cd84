// server/cluster/link/link.hpp: one connection between two members that have greeted each other.
#pragma once

#include <atomic>
#include <boost/asio.hpp>
#include <functional>
#include <memory>
#include <string>

#include "server/cluster/link/outbox.hpp"
#include "server/cluster/link/wire.hpp"
#include "server/net/turn.hpp"

namespace grid::server::cluster {

/// The way to one member, whichever connection it takes.
struct Lane {
    explicit Lane(std::size_t queue_bytes_max) : outbox(queue_bytes_max) {}

    Outbox outbox;
    std::atomic<std::uint64_t> frames_received = 0, bytes_sent = 0, bytes_received = 0;
};

/// On the links' strand.
class Link : public std::enable_shared_from_this<Link> {
public:
    struct Events {
        std::function<void(Frame)> frame;
        std::function<void(std::string reason)> ended;
    };

    /// `silent_beats_max`: after so many calls of `beat` without a byte from the other side it
    /// ends.
    Link(
        std::shared_ptr<Wire> wire, std::shared_ptr<Lane> lane, int silent_beats_max, Events events
    );

    /// `first`: bytes in front of all that is sent.
    void start(std::string first);
    /// Sends what is in the outbox.
    void flush();
    /// Once in a while: says something where nothing else is said, and sees whether the other side
    /// does. It counts calls and not time, so that a process that was stopped for a while does not
    /// take its own silence for that of others.
    void beat();
    /// Closes it and says so, unless that has happened before.
    void end(const std::string& reason);
    /// Closes it; no event comes after it.
    void drop();

private:
    static boost::asio::awaitable<void> read(std::shared_ptr<Link> self);
    /// Takes what was read, as long as the turn is not over.
    void take_frames(net::Turn& turn);
    void take(Frame frame);

    std::shared_ptr<Wire> wire_;
    std::shared_ptr<Lane> lane_;
    const int silent_beats_max_;
    Events events_;
    std::string out_;   // bytes that the socket has not taken are offered again
    int silent_beats_ = 0;
    bool has_written_ = false;   // since the last beat
    bool is_waiting_to_write_ = false, has_ended_ = false;
};

}   // namespace grid::server::cluster
