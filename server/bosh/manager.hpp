// server/bosh/manager.hpp: BOSH sessions by their ids (XEP-0124 §7), as streams of the acceptor.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "server/bosh/session.hpp"
#include "server/c2s/acceptor.hpp"
#include "server/tls/certificate.hpp"

namespace grid::server::bosh {

/// Any thread; the lock is held for a lookup.
class Manager : public std::enable_shared_from_this<Manager> {
public:
    Manager(const Config& config, std::shared_ptr<c2s::Acceptor> acceptor)
        : config_(config), acceptor_(std::move(acceptor)) {}

    /// One request of the client at `address` with that certificate. `reply` is called once, from
    /// any thread, with the body of the answer; at the latest when the session's `wait` is over, or
    /// for a request for its end, `inactivity`.
    /// `near`: an executor of the reactor.
    void take(
        std::string_view text,
        const tls::Presented& presented,
        const std::string& address,
        const net::Strand& near,
        Session::Reply reply
    );
    std::size_t sessions() const;

private:
    std::shared_ptr<Session> find(const std::string& sid, const tls::Presented& presented) const;
    void create(
        Body body,
        const tls::Presented& presented,
        const std::string& address,
        const net::Strand& near,
        const Session::Reply& reply
    );
    Session::Settings settings_of(const Body& body, const tls::Presented& presented) const;
    void forget(const std::string& sid);

    const Config& config_;
    std::shared_ptr<c2s::Acceptor> acceptor_;
    mutable std::mutex mutex_;
    std::unordered_map<std::string, std::shared_ptr<Session>> sessions_;
};

}   // namespace grid::server::bosh
