// tests/bench/load/identities.hpp: the clients' certificates, one key for all, made by
// benchcerts.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "load/tls_socket.hpp"

namespace grid::bench {

class Identities {
public:
    // Reads clients.pem and client.key in `directory`.
    explicit Identities(const std::string& directory);
    std::size_t count() const { return certificates_.size(); }
    // Local part of the JID in certificate number `index`, which wraps around.
    std::string name(std::size_t index) const;
    // Puts certificate and key on a connection.
    void apply(SSL* ssl, std::size_t index) const;

private:
    PrivateKey key_;
    std::vector<std::string> certificates_;   // DER: decoded only while a handshake needs it
};

// TLS 1.3 only, the server's certificate checked against `ca_file`; no session is kept by itself.
SslContext client_context(const std::string& ca_file);

}   // namespace grid::bench
