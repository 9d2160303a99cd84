// server/tls/raw_chain.hpp: a peer's Certificate message, looked at before OpenSSL parses it.
#pragma once

#include <openssl/ssl.h>

#include <cstddef>
#include <span>
#include <string>

namespace grid::server::tls {

/// To parse a certificate costs OpenSSL 200 microseconds, to parse its names a microsecond each,
/// and all of a chain is parsed before any callback is asked. This looks at the bytes: how many
/// certificates and ASN.1 values there are, which keys, and, of more than three certificates,
/// whether they lead to an anchor: by their names first, then by signatures from the anchor down,
/// so that one certificate at most is parsed that no anchor vouches for. Why it is refused; empty:
/// it is not.
std::string why_not_parsed(
    std::span<const unsigned char> message, int version, X509_STORE* anchors
);

/// The message callback of a context. One of a connection (SSL_set_msg_callback) takes its place
/// and has to call it. A chain that is refused is made unreadable, which fails the handshake; the
/// reason is remembered for the log (verdict.hpp).
void on_message(
    int is_write, int version, int type, const void* bytes, std::size_t size, SSL* ssl, void* unused
);

}   // namespace grid::server::tls
