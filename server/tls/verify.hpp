// server/tls/verify.hpp: judges a peer's chain during the handshake, and remembers why it failed.
#pragma once

#include <openssl/ssl.h>
#include <string>
#include <vector>

#include "server/tls/openssl.hpp"
#include "server/tls/verdict.hpp"

namespace grid::server::tls {

/// For SSL_CTX_set_cert_verify_callback. Both look for every path from the peer's certificate to an
/// anchor (path.hpp) and remember what they found. `tolerant_verify` lets a chain through that
/// fails, so that the refusal can be said in XMPP; `strict_verify` fails the handshake. A chain
/// that would cost more than others to look at fails it in both.
int tolerant_verify(X509_STORE_CTX* store, void*);
int strict_verify(X509_STORE_CTX* store, void*);

/// After a resumed handshake: the chain that the client showed in its last full one (`chain`: DER,
/// its own certificate first) is verified anew against the anchors of this connection's context.
void verify_again(SSL* ssl, const std::vector<std::string>& chain);
/// The client's certificate, shown now or in the full handshake before; null: it has none.
X509Ptr certificate_of(const SSL* ssl);
/// The path that was verified, own certificate first, the anchor last.
std::vector<X509Ptr> verified_path_of(const SSL* ssl);
/// Whether that was done by verify_again: OpenSSL has no result of its own.
bool is_verified_again(const SSL* ssl);
/// Frees what verify_again has found, but for the verdict.
void forget_verified(SSL* ssl);

/// A chain that is not even looked at: for `verdict_of`.
void remember_refusal(SSL* ssl, std::string why);

/// The verdict recorded for this connection; null when there was no objection.
const Verdict* verdict_of(const SSL* ssl);
/// Keys of CAs of further paths that hold, besides the chain that OpenSSL hands out.
std::vector<std::string> other_authorities_of(const SSL* ssl);

}   // namespace grid::server::tls
