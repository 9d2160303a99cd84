// server/c2s/acceptor.hpp: accepted connections become streams, within the limits on their number.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "server/c2s/stream_driver.hpp"
#include "server/net/entrance.hpp"
#include "server/net/listener.hpp"

namespace grid::server::c2s {

/// Any thread; locks are taken a few times per connection, never per stanza.
class Acceptor : public std::enable_shared_from_this<Acceptor> {
public:
    explicit Acceptor(const Shared& shared);

    void listen(net::Listener& listener, TransportKind kind);
    /// A place for a stream that comes by another way, with TLS done; null: there is none, for
    /// which `reason` is told.
    std::shared_ptr<net::Entrance::Place> enter(const std::string& address, std::string& reason);
    /// From the strand of its channel.
    void adopt(Carrier carrier, std::string address, std::shared_ptr<net::Entrance::Place> place);
    /// Also those that have not bound a resource yet.
    void close_all(const xml::StreamError& error);
    std::size_t connections() const { return entrance_->connections(); }

private:
    void take(net::Socket socket, std::string address, TransportKind kind);
    /// Written before the stream begins, erased when it ends.
    void keep(std::uint64_t id, const std::shared_ptr<StreamDriver>& driver);
    void forget(std::uint64_t id);

    const Shared& shared_;
    std::shared_ptr<net::Entrance> entrance_;
    std::shared_ptr<net::TlsPlaces> tls_places_;
    std::atomic<std::uint64_t> last_id_ = 0;
    std::mutex mutex_;
    std::unordered_map<std::uint64_t, std::weak_ptr<StreamDriver>> live_;
};

}   // namespace grid::server::c2s
