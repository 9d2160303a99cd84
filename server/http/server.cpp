// server/http/server.cpp: takes connections from the listener and counts them.
#include "server/http/server.hpp"

#include "server/bosh/manager.hpp"
#include "server/bulk/file_store.hpp"
#include "server/c2s/acceptor.hpp"
#include "server/http/connection.hpp"
#include "server/http/shared.hpp"
#include "server/net/source.hpp"

namespace grid::server::http {

HttpServer::HttpServer(
    boost::asio::io_context&,
    HttpBackend& backend,
    SSL_CTX* tls,
    const Config& config,
    Log& log,
    tls::Vetting& vetting
)
    : shared_(std::make_shared<ServerShared>(backend, tls, config, log, vetting)) {}

HttpServer::~HttpServer() = default;

void HttpServer::attach(std::shared_ptr<c2s::Acceptor> acceptor) {
    shared_->acceptor = std::move(acceptor);
    shared_->guard.has_websocket = shared_->config.http.websocket;
    shared_->guard.has_passwords = shared_->config.sasl.passwords;
    shared_->guard.has_bosh = shared_->config.http.bosh;
    shared_->bosh = std::make_shared<bosh::Manager>(shared_->config, shared_->acceptor);
}

void HttpServer::attach(std::shared_ptr<bulk::FileStore> store) {
    shared_->store = std::move(store);
    shared_->guard.has_bulk = shared_->store != nullptr;
}

Result<void, std::string> HttpServer::read_files() {
    const std::string& directory = shared_->config.http.static_dir;
    if (directory.empty()) return {};
    auto files = StaticFiles::read(directory);
    if (!files) return "http.static_dir: " + files.error();
    shared_->files = std::move(*files);
    return {};
}

void HttpServer::start(net::Listener& listener) {
    const auto take = [shared = shared_](net::Socket socket, std::string peer) {
        auto [place, reason] = shared->entrance->enter(net::source_of(peer));
        if (!reason.empty())
            shared->log.fold(
                Level::Warn, place ? "http_connection_displaced" : "http_connection_refused",
                {{place ? "newcomer" : "peer", peer}, {"reason", reason}}
            );
        if (!place) return;
        auto strand = socket.get_executor();
        auto connection =
            std::make_shared<Connection>(shared, std::move(socket), std::move(peer), place);
        place->on_displaced([weak = connection->weak_from_this()] {
            if (const auto self = weak.lock()) self->displace();
        });
        asio::co_spawn(strand, Connection::run(std::move(connection)), asio::detached);
    };
    listener.start(take, [shared = shared_](const std::string& complaint) {
        shared->log.error("http_accept_failed", {{"reason", complaint}});
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
