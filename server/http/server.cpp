// server/http/server.cpp: takes connections from the listener and counts them.
#include "server/http/server.hpp"

#include "server/http/connection.hpp"
#include "server/http/limits.hpp"
#include "server/http/shared.hpp"

namespace grid::server::http {
namespace {

/// Without the port, which is another one each time.
std::string host_of(const std::string& peer) { return peer.substr(0, peer.rfind(':')); }

}   // namespace

HttpServer::Shared::Shared(
    HttpBackend& to,
    SSL_CTX* context,
    const Config& settings,
    Log& lines,
    tls::Vetting& certificates
)
    : backend(to), tls(context), config(settings), log(lines), vetting(certificates) {
    const std::string& domain = config.domain;
    guard.hosts.push_back(domain);
    for (const char* service : {"pubsub.", "broker.", "controller.", "proxy.", "bulk."})
        guard.hosts.push_back(service + domain);
}

bool HttpServer::Shared::enter(Connection* connection, const std::string& peer) {
    const std::lock_guard lock(mutex);
    std::size_t& here = per_address[host_of(peer)];
    if (is_closing || connections.size() >= connections_max ||
        here >= connections_per_address_max) {
        if (here == 0) per_address.erase(host_of(peer));
        return false;
    }
    ++here;
    connections.insert(connection);
    return true;
}

void HttpServer::Shared::leave(Connection* connection, const std::string& peer) {
    const std::lock_guard lock(mutex);
    if (connections.erase(connection) == 0) return;   // was never let in
    const auto found = per_address.find(host_of(peer));
    if (--found->second == 0) per_address.erase(found);
}

HttpServer::HttpServer(
    boost::asio::io_context&,
    HttpBackend& backend,
    SSL_CTX* tls,
    const Config& config,
    Log& log,
    tls::Vetting& vetting
)
    : shared_(std::make_shared<Shared>(backend, tls, config, log, vetting)) {}

HttpServer::~HttpServer() = default;

void HttpServer::start(net::Listener& listener) {
    listener.start([shared = shared_](net::Socket socket, std::string peer) {
        auto strand = socket.get_executor();
        auto connection = std::make_shared<Connection>(shared, std::move(socket), std::move(peer));
        asio::co_spawn(strand, Connection::run(std::move(connection)), asio::detached);
    });
}

void HttpServer::close() {
    // Released after the lock: the last owner of a connection takes it out of the set.
    std::vector<std::shared_ptr<Connection>> open;
    {
        const std::lock_guard lock(shared_->mutex);
        shared_->is_closing = true;
        for (Connection* connection : shared_->connections)
            if (auto alive = connection->weak_from_this().lock()) open.push_back(std::move(alive));
    }
    for (const auto& connection : open) connection->wind_up();
}

std::size_t HttpServer::connections() const {
    const std::lock_guard lock(shared_->mutex);
    return shared_->connections.size();
}

}   // namespace grid::server::http
