// tests/unit/server/tls/memory_handshake.hpp: two ends of TLS in one thread, without a socket.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "make_certificate.hpp"
#include "server/tls/context.hpp"

namespace grid::test {

struct SslDeleter {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
};
using SslPtr = std::unique_ptr<SSL, SslDeleter>;

class MemoryHandshake {
public:
    explicit MemoryHandshake(SSL_CTX* server);
    /// `chain`: sent behind the client's certificate.
    MemoryHandshake(
        SSL_CTX* server, Certificate certificate, const std::vector<const Certificate*>& chain = {}
    );

    SSL* client() { return client_.get(); }
    SSL* server() { return server_.get(); }
    /// False when one end gave up.
    bool run();

private:
    std::optional<Certificate> certificate_;
    server::tls::Context client_context_;
    SslPtr client_, server_;
};

}   // namespace grid::test
