// server/c2s/acceptor.cpp: one coroutine per accepted connection.
#include "server/c2s/acceptor.hpp"

#include <utility>

#include "server/net/source.hpp"

namespace grid::server::c2s {

namespace asio = boost::asio;

namespace {

net::Entrance::Bounds bounds_of(const Config::Limits& limits) {
    return {
        {limits.connections_max, "limits.connections_max"},
        {limits.connections_per_address_max, "limits.connections_per_address_max"},
        {limits.pre_auth_connections_max, "limits.pre_auth_connections_max"},
        {limits.pre_auth_per_address_max, "limits.pre_auth_per_address_max"},
        net::leaving_max(limits.connections_max)
    };
}

}   // namespace

Acceptor::Acceptor(const Shared& shared)
    : shared_(shared),
      entrance_(std::make_shared<net::Entrance>(bounds_of(shared.config.limits))),
      tls_places_(std::make_shared<net::TlsPlaces>(shared.config.limits.pre_auth_tls_max)) {}

void Acceptor::listen(net::Listener& listener, bool direct_tls) {
    listener.start(
        [self = shared_from_this(), direct_tls](net::Socket socket, std::string address) {
            self->take(std::move(socket), std::move(address), direct_tls);
        },
        [self = shared_from_this()](const std::string& complaint) {
            self->shared_.log.error("accept_failed", {{"reason", complaint}});
        }
    );
}

void Acceptor::take(net::Socket socket, std::string address, bool direct_tls) {
    const auto [place, reason] = entrance_->enter(net::source_of(address));
    if (!reason.empty())
        shared_.log.fold(
            Level::Warn, place ? "connection_displaced" : "connection_refused",
            {{place ? "newcomer" : "address", address}, {"reason", reason}}
        );
    // Closed with the socket: a TLS or XMPP answer would cost scarce memory or descriptors.
    if (!place) return;
    auto executor = socket.get_executor();
    const auto id = ++last_id_;
    auto connection = std::make_shared<Connection>(
        shared_, std::move(socket), std::move(address), id, direct_tls
    );
    keep(id, connection);
    place->on_displaced([weak = connection->weak_from_this(), held = std::weak_ptr(place)] {
        const auto self = weak.lock();
        if (!self) return;
        self->displace("gave way to a newcomer before a resource was bound", [held] {
            if (const auto left = held.lock()) left->close();
        });
    });
    Progress progress{
        [place] { place->speak(); }, [place] { place->begin(); },
        [place] { return place->settle(); }, tls_places_
    };
    asio::co_spawn(
        executor, Connection::run(std::move(connection), std::move(progress)),
        [self = shared_from_this(), place, id](std::exception_ptr failure) {
            self->forget(id);
            if (!failure) return;
            // A fault that we do not understand takes the connection down, never the process.
            try {
                std::rethrow_exception(failure);
            } catch (const std::exception& error) {
                self->shared_.log.error("connection_failed", {{"reason", error.what()}});
            }
        }
    );
}

void Acceptor::keep(std::uint64_t id, const std::shared_ptr<Connection>& connection) {
    const std::lock_guard lock(mutex_);
    live_[id] = connection;
}

void Acceptor::forget(std::uint64_t id) {
    const std::lock_guard lock(mutex_);
    live_.erase(id);
}

void Acceptor::close_all(const xml::StreamError& error) {
    const std::lock_guard lock(mutex_);
    for (auto& [id, weak] : live_)
        if (auto connection = weak.lock()) connection->close(error);
}

}   // namespace grid::server::c2s
