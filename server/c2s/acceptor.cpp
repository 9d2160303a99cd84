// server/c2s/acceptor.cpp: one coroutine per accepted connection.
#include "server/c2s/acceptor.hpp"

#include <utility>

namespace grid::server::c2s {

namespace asio = boost::asio;

namespace {
/// The address without its port.
std::string host_of(const std::string& address) { return address.substr(0, address.rfind(':')); }
}   // namespace

class Acceptor::Place {
public:
    Place(std::shared_ptr<Acceptor> acceptor, std::string address)
        : acceptor_(std::move(acceptor)), address_(std::move(address)) {}
    ~Place() {
        settle();
        acceptor_->leave(address_, id);
    }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

    std::uint64_t id = 0;
    void settle() {
        if (!std::exchange(is_settled_, true)) acceptor_->settle(address_);
    }

private:
    std::shared_ptr<Acceptor> acceptor_;
    std::string address_;
    bool is_settled_ = false;
};

void Acceptor::listen(net::Listener& listener, bool direct_tls) {
    listener.start(
        [self = shared_from_this(), direct_tls](net::Socket socket, std::string address) {
            auto place = self->enter(host_of(address));
            if (!place) {
                self->shared_.log.warn("connection_refused", {{"address", address}});
                return;   // closed with the socket: a TLS or XMPP answer would cost what is scarce
            }
            auto executor = socket.get_executor();
            const auto id = ++self->last_id_;
            auto connection = std::make_shared<Connection>(
                self->shared_, std::move(socket), std::move(address), id, direct_tls
            );
            {
                std::lock_guard lock(self->mutex_);
                self->live_[id] = connection;
            }
            place->id = id;
            asio::co_spawn(
                executor, Connection::run(connection, [place] { place->settle(); }),
                [self, place](std::exception_ptr failure) {
                    if (!failure) return;
                    // A fault that we do not understand takes the connection down, never the
                    // process.
                    try {
                        std::rethrow_exception(failure);
                    } catch (const std::exception& error) {
                        self->shared_.log.error("connection_failed", {{"reason", error.what()}});
                    }
                }
            );
        },
        [self = shared_from_this()](const std::string& complaint) {
            self->shared_.log.error("accept_failed", {{"reason", complaint}});
        }
    );
}

std::shared_ptr<Acceptor::Place> Acceptor::enter(const std::string& address) {
    const auto& limits = shared_.config.limits;
    std::lock_guard lock(mutex_);
    if (connections_ >= limits.connections_max || unsettled_ >= limits.pre_auth_connections_max)
        return nullptr;
    auto& count = per_address_[address];
    if (count.all >= limits.connections_per_address_max ||
        count.unsettled >= limits.pre_auth_per_address_max)
        return nullptr;
    ++count.all;
    ++count.unsettled;
    ++connections_;
    ++unsettled_;
    return std::make_shared<Place>(shared_from_this(), address);
}

void Acceptor::settle(const std::string& address) {
    std::lock_guard lock(mutex_);
    --unsettled_;
    --per_address_[address].unsettled;
}

void Acceptor::leave(const std::string& address, std::uint64_t id) {
    std::lock_guard lock(mutex_);
    live_.erase(id);
    --connections_;
    if (auto found = per_address_.find(address); found != per_address_.end())
        if (--found->second.all == 0) per_address_.erase(found);
}

void Acceptor::close_all(const xml::StreamError& error) {
    std::lock_guard lock(mutex_);
    for (auto& [id, weak] : live_)
        if (auto connection = weak.lock()) connection->close(error);
}

}   // namespace grid::server::c2s
