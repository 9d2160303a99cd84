// server/tls/renewal.cpp: see renewal.hpp.
#include "server/tls/renewal.hpp"

#include <utility>

namespace grid::server::tls {

Renewal::Renewal(Context first) : first_(std::move(first)), newest_(share(first_.get())) {
    SSL_CTX_set_client_hello_cb(first_.get(), take_newest, this);
}

Context Renewal::newest() const {
    const std::lock_guard lock(mutex_);
    return share(newest_.get());
}

void Renewal::put(Context next) {
    {
        const std::lock_guard lock(mutex_);
        std::swap(newest_, next);
    }
    // The one before ends here, unless a connection has it.
}

/// Before anything was chosen for the connection: its certificate, the CAs that are named to the
/// client and the trust store are all those of the context.
int Renewal::take_newest(SSL* ssl, int*, void* self) {
    const Context newest = static_cast<const Renewal*>(self)->newest();
    if (SSL_get_SSL_CTX(ssl) != newest.get()) SSL_set_SSL_CTX(ssl, newest.get());
    return SSL_CLIENT_HELLO_SUCCESS;
}

}   // namespace grid::server::tls
