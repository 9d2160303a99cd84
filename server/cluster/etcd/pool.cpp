// server/cluster/etcd/pool.cpp: see pool.hpp.
#include "server/cluster/etcd/pool.hpp"

#include <utility>

namespace grid::server::cluster {

namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {
/// Of one client to one endpoint, those whose answers are late among them.
constexpr std::size_t pooled_max = 4, free_max = 2;
/// So long an answer may be late: then its connection is given up.
constexpr auto lateness_max = 5s;
}   // namespace

EtcdPool::EtcdPool(
    asio::any_io_executor executor,
    std::vector<EtcdEndpoint> endpoints,
    std::shared_ptr<EtcdTls> tls,
    Log& log
)
    : executor_(std::move(executor)), tls_(std::move(tls)), log_(log) {
    for (EtcdEndpoint& endpoint : endpoints) places_.push_back({std::move(endpoint), {}, {}});
}

void EtcdPool::ask(const std::shared_ptr<EtcdExchange>& exchange, EtcdClock::time_point until) {
    asio::co_spawn(
        executor_, run(exchange, until + lateness_max),
        [self = shared_from_this(), exchange](const std::exception_ptr& thrown) {
            exchange->connection = nullptr;
            if (thrown)
                exchange->failure = EtcdError{EtcdError::Kind::Unreachable, 0, "an exception"};
            exchange->has_ended = true;
            exchange->wake->cancel();
        }
    );
}

/// An endpoint that was restarted since closed the connection that was kept.
asio::awaitable<void> EtcdPool::run(
    std::shared_ptr<EtcdExchange> exchange, EtcdClock::time_point until
) {
    Place& place = places_[exchange->endpoint];
    for (;;) {
        auto connection = take_free(place);
        const bool is_used = connection != nullptr;
        if (!is_used) {
            make_room(place);
            connection = std::make_shared<EtcdConnection>(executor_, place.endpoint, tls_);
        }
        place.used.push_back(connection);
        exchange->connection = connection;
        EtcdConnection::Failure failure;
        if (!is_used) {
            failure = co_await connection->open(until);
            note_files(*connection);
        }
        if (!failure)
            failure = co_await connection->exchange(exchange->path, *exchange->request, until);
        exchange->failure = failure;
        if (failure && is_used && EtcdClock::now() < until) continue;
        if (failure) co_return;
        exchange->status = connection->status();
        exchange->body = std::move(connection->body());
        co_return give_back(place, connection);
    }
}

asio::awaitable<EtcdResult<std::unique_ptr<EtcdConnection>>> EtcdPool::open(
    std::size_t endpoint, EtcdClock::time_point until
) {
    auto connection = std::make_unique<EtcdConnection>(executor_, places_[endpoint].endpoint, tls_);
    const auto failure = co_await connection->open(until);
    note_files(*connection);
    if (failure) co_return *failure;
    co_return connection;
}

std::shared_ptr<EtcdConnection> EtcdPool::take_free(Place& place) {
    while (!place.free.empty()) {
        auto connection = std::move(place.free.back());
        place.free.pop_back();
        if (!connection->is_outdated() && !connection->has_surplus()) return connection;
    }
    return nullptr;
}

/// An endpoint that is silent, as behind a cut, must not keep calls from it when it is back.
void EtcdPool::make_room(Place& place) {
    std::erase_if(place.used, [](const auto& used) { return used.expired(); });
    if (place.used.size() < pooled_max) return;
    if (const auto oldest = place.used.front().lock()) oldest->close();
    place.used.erase(place.used.begin());
}

void EtcdPool::give_back(Place& place, const std::shared_ptr<EtcdConnection>& connection) {
    std::erase_if(place.used, [&](const auto& used) { return used.lock() == connection; });
    if (!connection->may_be_used_again() || place.free.size() >= free_max) return;
    place.free.push_back(connection);
}

void EtcdPool::note_files(const EtcdConnection& connection) {
    if (connection.files_fault().empty()) return;
    log_.fold(
        Level::Warn, "etcd_failed",
        {{"endpoint", connection.url()}, {"reason", server::quoted(connection.files_fault())}}
    );
}

}   // namespace grid::server::cluster
