// server/c2s/acceptor.hpp: accepted sockets become connections, within the limits on their number.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "server/c2s/connection.hpp"
#include "server/net/listener.hpp"

namespace grid::server::c2s {

/// Counts connections in all and per address. Any thread; the lock is taken once per connection,
/// never per stanza.
class Acceptor : public std::enable_shared_from_this<Acceptor> {
public:
    explicit Acceptor(const Shared& shared) : shared_(shared) {}

    void listen(net::Listener& listener, bool direct_tls);
    /// Also those that have not bound a resource yet.
    void close_all(const xml::StreamError& error);
    std::size_t connections() const { return connections_.load(); }

private:
    /// Counts one connection from its acceptance to its end, and until it is settled as one that is
    /// not authenticated.
    class Place;
    std::shared_ptr<Place> enter(const std::string& address);
    void settle(const std::string& address);
    void leave(const std::string& address, std::uint64_t id);

    const Shared& shared_;
    std::atomic<std::uint64_t> last_id_ = 0;
    std::atomic<std::size_t> connections_ = 0, unsettled_ = 0;
    std::mutex mutex_;
    struct Count {
        std::uint32_t all = 0, unsettled = 0;
    };
    std::unordered_map<std::string, Count> per_address_;
    std::unordered_map<std::uint64_t, std::weak_ptr<Connection>> live_;
};

}   // namespace grid::server::c2s
