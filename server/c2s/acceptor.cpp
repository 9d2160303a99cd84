// server/c2s/acceptor.cpp: one coroutine per accepted connection.
#include "server/c2s/acceptor.hpp"

namespace grid::server::c2s {

namespace asio = boost::asio;

namespace {
/// The address without its port.
std::string host_of(const std::string& address) { return address.substr(0, address.rfind(':')); }
}   // namespace

void Acceptor::listen(net::Listener& listener, bool direct_tls) {
    listener.start(
        [self = shared_from_this(), direct_tls](net::Socket socket, std::string address) {
            auto host = host_of(address);
            if (!self->enter(host)) {
                self->shared_.log.warn("connection_refused", {{"address", address}});
                return;   // closed with the socket: a TLS or XMPP answer would cost what is scarce
            }
            auto executor = socket.get_executor();
            auto connection = std::make_shared<Connection>(
                self->shared_, std::move(socket), std::move(address), ++self->last_id_, direct_tls
            );
            asio::co_spawn(
                executor, Connection::run(connection, [self, host] { self->leave(host); }),
                [self, host](std::exception_ptr failure) {
                    if (!failure) return;
                    // A fault that we do not understand takes the connection down, never the process.
                    try {
                        std::rethrow_exception(failure);
                    } catch (const std::exception& error) {
                        self->shared_.log.error("connection_failed", {{"reason", error.what()}});
                    }
                    self->leave(host);
                }
            );
        },
        [self = shared_from_this()](const std::string& complaint) {
            self->shared_.log.error("accept_failed", {{"reason", complaint}});
        }
    );
}

bool Acceptor::enter(const std::string& address) {
    const auto& limits = shared_.config.limits;
    std::lock_guard lock(mutex_);
    auto& count = per_address_[address];
    if (connections_ >= limits.connections_max || count >= limits.connections_per_address_max)
        return false;
    ++count;
    ++connections_;
    return true;
}

void Acceptor::leave(const std::string& address) {
    std::lock_guard lock(mutex_);
    --connections_;
    if (auto found = per_address_.find(address); found != per_address_.end())
        if (--found->second == 0) per_address_.erase(found);
}

}   // namespace grid::server::c2s
