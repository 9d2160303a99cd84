// server/tls/renewal.hpp: new certificates for a listener while handshakes go on.
#pragma once

#include <atomic>
#include <vector>

#include "server/tls/context.hpp"

namespace grid::server::tls {

/// Connections are made with the first context, and are moved to the newest one when the client has
/// said hello. All of them live as long as this, since others look at them without asking.
class Renewal {
public:
    explicit Renewal(Context first);
    Renewal(const Renewal&) = delete;

    /// For new connections, the latest that was put in force. Any thread.
    SSL_CTX* get() const { return contexts_.front().get(); }
    SSL_CTX* newest() const { return newest_.load(); }
    /// From one thread at a time; handshakes from now on have it.
    void put(Context next);

private:
    static int take_newest(SSL* ssl, int* alert, void* self);

    std::vector<Context> contexts_;
    std::atomic<SSL_CTX*> newest_;
};

}   // namespace grid::server::tls
