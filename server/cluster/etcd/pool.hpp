// server/cluster/etcd/pool.hpp: connections to the endpoints of etcd, kept between calls.
#pragma once

#include <boost/asio.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/cluster/etcd/connection.hpp"
#include "server/log.hpp"

namespace grid::server::cluster {

/// One request to one endpoint. It goes on when the call that it is for waits no longer: a
/// connection whose answer comes late is as good as before, and a handshake that was begun under
/// load is not begun again.
struct EtcdExchange {
    using Wake = boost::asio::steady_timer;

    EtcdExchange(
        std::size_t to,
        std::string at,
        std::shared_ptr<const std::string> what,
        std::shared_ptr<Wake> waits
    )
        : endpoint(to), path(std::move(at)), request(std::move(what)), wake(std::move(waits)) {}

    const std::size_t endpoint;   // by its place among them
    const std::string path;
    const std::shared_ptr<const std::string> request;
    const std::shared_ptr<Wake> wake;             // of the call: cancelled at the end
    std::shared_ptr<EtcdConnection> connection;   // while it is used
    bool has_ended = false;
    EtcdConnection::Failure failure;   // at the end; else there is an answer
    unsigned status = 0;
    std::string body;
};

/// Used by one client, on one thread at a time. `ask` holds it as long as an exchange goes on.
class EtcdPool : public std::enable_shared_from_this<EtcdPool> {
public:
    EtcdPool(
        boost::asio::any_io_executor executor,
        std::vector<EtcdEndpoint> endpoints,
        std::shared_ptr<EtcdTls> tls,
        Log& log
    );

    /// Begins the exchange, over a connection that is free or a new one. It ends some seconds
    /// behind `until` at the latest.
    void ask(const std::shared_ptr<EtcdExchange>& exchange, EtcdClock::time_point until);
    /// A connection of its own, that does not come back.
    boost::asio::awaitable<EtcdResult<std::unique_ptr<EtcdConnection>>> open(
        std::size_t endpoint, EtcdClock::time_point until
    );

private:
    struct Place {
        EtcdEndpoint endpoint;
        std::vector<std::shared_ptr<EtcdConnection>> free;
        std::vector<std::weak_ptr<EtcdConnection>> used;   // the oldest first
    };

    boost::asio::awaitable<void> run(
        std::shared_ptr<EtcdExchange> exchange, EtcdClock::time_point until
    );
    std::shared_ptr<EtcdConnection> take_free(Place& place);
    void make_room(Place& place);
    void give_back(Place& place, const std::shared_ptr<EtcdConnection>& connection);
    void note_files(const EtcdConnection& connection);

    boost::asio::any_io_executor executor_;
    std::shared_ptr<EtcdTls> tls_;
    Log& log_;
    std::vector<Place> places_;
};

}   // namespace grid::server::cluster
