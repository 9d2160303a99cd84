// server/tls/verdict.hpp: remembers why a peer's chain failed while the handshake goes on.
#pragma once

#include <openssl/ssl.h>

#include <string>

#include "storage/batch.hpp"

namespace grid::server::tls {

/// The first thing that was wrong with the chain: the nearest to the cause.
struct Verdict {
    int error = X509_V_OK;
    int depth = 0;                 // 0 is the peer's own certificate
    std::string subject, issuer;   // of the certificate at that depth
    storage::Millis not_before = 0, not_after = 0;
};

/// For SSL_CTX_set_verify. `tolerant_verify` records and lets every chain through, so that the
/// refusal can be said in XMPP (S86, choice b); `strict_verify` records and fails the handshake.
int tolerant_verify(int is_ok, X509_STORE_CTX* store);
int strict_verify(int is_ok, X509_STORE_CTX* store);

/// What was recorded for this connection; null when nothing was wrong.
const Verdict* verdict_of(const SSL* ssl);

}   // namespace grid::server::tls
