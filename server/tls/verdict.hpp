// server/tls/verdict.hpp: remembers why a peer's chain failed while the handshake goes on.
#pragma once

#include <openssl/ssl.h>

#include <string>
#include <vector>

#include "storage/batch.hpp"

namespace grid::server::tls {

/// The first thing that was wrong with the chain: the nearest to the cause.
struct Verdict {
    int error = X509_V_OK;
    int depth = 0;                 // 0 is the peer's own certificate
    std::string subject, issuer;   // of the certificate at that depth
    storage::Millis not_before = 0, not_after = 0;
    /// Where one error code has several causes: which of them, for a person.
    std::string detail;
};
/// Of a verification that has just failed.
Verdict to_verdict(X509_STORE_CTX* store);

/// For SSL_CTX_set_cert_verify_callback. Both look for every path from the peer's certificate to an
/// anchor (path.hpp) and remember what they found. `tolerant_verify` lets a chain through that
/// fails, so that the refusal can be said in XMPP; `strict_verify` fails the handshake. A chain
/// that would cost more than others to look at fails it in both.
int tolerant_verify(X509_STORE_CTX* store, void*);
int strict_verify(X509_STORE_CTX* store, void*);

/// A chain that is not even looked at: for `verdict_of`.
void remember_refusal(SSL* ssl, std::string why);

/// The verdict recorded for this connection; null when there was no objection.
const Verdict* verdict_of(const SSL* ssl);
/// Keys of CAs of further paths that hold, besides the chain that OpenSSL hands out.
std::vector<std::string> other_authorities_of(const SSL* ssl);

}   // namespace grid::server::tls
