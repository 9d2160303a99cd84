// server/c2s/acceptor.cpp: one driver per stream.
#include "server/c2s/acceptor.hpp"

#include <utility>

#include "server/net/connection_memory.hpp"
#include "server/net/source.hpp"
#include "server/net/tls_stream.hpp"
#include "server/stream/stream_codec.hpp"

namespace grid::server::c2s {

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

void Acceptor::listen(net::Listener& listener, TransportKind kind) {
    listener.start(
        [self = shared_from_this(), kind](net::Socket socket, std::string address) {
            self->take(std::move(socket), std::move(address), kind);
        },
        [self = shared_from_this()](const std::string& complaint) {
            self->shared_.log.error("accept_failed", {{"reason", complaint}});
        }
    );
}

std::shared_ptr<net::Entrance::Place> Acceptor::enter(
    const std::string& address, std::string& reason
) {
    auto entered = entrance_->enter(net::source_of(address));
    reason = std::move(entered.reason);
    const auto& place = entered.place;
    if (!reason.empty())
        shared_.log.fold(
            Level::Warn, place ? "connection_displaced" : "connection_refused",
            {{place ? "newcomer" : "address", address}, {"reason", reason}}
        );
    return entered.place;
}

void Acceptor::take(net::Socket socket, std::string address, TransportKind kind) {
    std::string reason;
    auto place = enter(address, reason);
    // Closed with the socket: a TLS or XMPP answer would cost scarce memory or descriptors.
    if (!place) return;
    const auto& limits = shared_.config.limits;
    auto tls = std::make_unique<net::TlsStream>(std::move(socket));
    Carrier carrier;
    carrier.kind = kind;
    carrier.tls = tls.get();
    carrier.channel = std::move(tls);
    carrier.codec = std::make_unique<stream::StreamCodec>(
        shared_.config.domain,
        kind == TransportKind::DirectTls ? limits.before_login() : limits.in_the_clear(),
        kind == TransportKind::Component
    );
    adopt(std::move(carrier), std::move(address), std::move(place));
}

void Acceptor::adopt(
    Carrier carrier, std::string address, std::shared_ptr<net::Entrance::Place> place
) {
    const auto id = ++last_id_;
    Progress progress{
        [place] { place->speak(); }, [place] { place->begin(); }, [place] { return place->keep(); },
        tls_places_
    };
    auto driver = std::allocate_shared<StreamDriver>(
        net::ConnectionMemory<StreamDriver>(), shared_, std::move(carrier), std::move(progress),
        std::move(address), id
    );
    keep(id, driver);
    place->on_displaced([weak = driver->weak_from_this(), held = std::weak_ptr(place)] {
        const auto self = weak.lock();
        if (!self) return;
        self->displace("gave way to a newcomer before a resource was bound", [held] {
            if (const auto left = held.lock()) left->close();
        });
    });
    driver->start([self = shared_from_this(), place, id](std::exception_ptr failure) {
        self->forget(id);
        if (!failure) return;
        // A fault that we do not understand takes the connection down, never the process.
        try {
            std::rethrow_exception(failure);
        } catch (const std::exception& error) {
            self->shared_.log.error("connection_failed", {{"reason", error.what()}});
        }
    });
}

void Acceptor::keep(std::uint64_t id, const std::shared_ptr<StreamDriver>& driver) {
    const std::lock_guard lock(mutex_);
    live_[id] = driver;
}

void Acceptor::forget(std::uint64_t id) {
    const std::lock_guard lock(mutex_);
    live_.erase(id);
}

void Acceptor::close_all(const xml::StreamError& error) {
    const std::lock_guard lock(mutex_);
    for (auto& [id, weak] : live_)
        if (auto driver = weak.lock()) driver->close(error);
}

}   // namespace grid::server::c2s
