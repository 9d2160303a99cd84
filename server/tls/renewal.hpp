// server/tls/renewal.hpp: new certificates for a listener while handshakes go on.
#pragma once

#include <mutex>

#include "server/tls/context.hpp"

namespace grid::server::tls {

/// Connections are made with the first context, and are moved to the newest one when the client has
/// said hello. A context that was replaced lives as long as connections that were made with it.
class Renewal {
public:
    explicit Renewal(Context first);
    Renewal(const Renewal&) = delete;

    /// For new connections, all the time. Any thread.
    SSL_CTX* get() const { return first_.get(); }
    /// The latest that was put in force, with a share in it. Any thread.
    Context newest() const;
    /// Handshakes from now on have it. Any thread.
    void put(Context next);

private:
    static int take_newest(SSL* ssl, int* alert, void* self);

    const Context first_;
    mutable std::mutex mutex_;
    Context newest_;   // held for a moment by each handshake
};

}   // namespace grid::server::tls
