// server/tls/renewal.cpp: see renewal.hpp.
#include "server/tls/renewal.hpp"

#include <utility>

namespace grid::server::tls {

Renewal::Renewal(Context first) : newest_(first.get()) {
    SSL_CTX_set_client_hello_cb(first.get(), take_newest, this);
    contexts_.push_back(std::move(first));
}

void Renewal::put(Context next) {
    contexts_.push_back(std::move(next));
    newest_ = contexts_.back().get();
}

/// Before anything was chosen for the connection: its certificate, the CAs that are named to the
/// client and the trust store are all those of the context.
int Renewal::take_newest(SSL* ssl, int*, void* self) {
    SSL_CTX* newest = static_cast<const Renewal*>(self)->newest_.load();
    if (SSL_get_SSL_CTX(ssl) != newest) SSL_set_SSL_CTX(ssl, newest);
    return SSL_CLIENT_HELLO_SUCCESS;
}

}   // namespace grid::server::tls
