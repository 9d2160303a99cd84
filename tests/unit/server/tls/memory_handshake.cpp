// tests/unit/server/tls/memory_handshake.cpp: a pair of memory BIOs and a loop.
#include "memory_handshake.hpp"

#include <openssl/err.h>

namespace grid::test {

MemoryHandshake::MemoryHandshake(SSL_CTX* server)
    : client_context_(SSL_CTX_new(TLS_client_method())),
      client_(SSL_new(client_context_.get())),
      server_(SSL_new(server)) {
    BIO* ends[2] = {nullptr, nullptr};
    BIO_new_bio_pair(&ends[0], 256 * 1024, &ends[1], 256 * 1024);
    SSL_set_bio(client_.get(), ends[0], ends[0]);
    SSL_set_bio(server_.get(), ends[1], ends[1]);
    SSL_set_connect_state(client_.get());
    SSL_set_accept_state(server_.get());
}

MemoryHandshake::MemoryHandshake(
    SSL_CTX* server, Certificate certificate, const std::vector<const Certificate*>& chain
)
    : MemoryHandshake(server) {
    certificate_ = std::move(certificate);
    SSL_set_security_level(client_.get(), 0);   // so that bad ones are sent, too
    SSL_use_certificate(client_.get(), certificate_->certificate.get());
    SSL_use_PrivateKey(client_.get(), certificate_->key.get());
    for (const auto* above : chain) SSL_add1_chain_cert(client_.get(), above->certificate.get());
}

bool MemoryHandshake::run() {
    for (int turn = 0; turn < 20; ++turn) {
        for (SSL* end : {client_.get(), server_.get()}) {
            ERR_clear_error();
            const int result = SSL_do_handshake(end);
            const int kind = SSL_get_error(end, result);
            if (result != 1 && kind != SSL_ERROR_WANT_READ && kind != SSL_ERROR_WANT_WRITE)
                return false;
        }
        if (SSL_is_init_finished(client_.get()) && SSL_is_init_finished(server_.get())) return true;
    }
    return false;
}

}   // namespace grid::test
