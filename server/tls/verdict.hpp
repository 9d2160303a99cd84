// server/tls/verdict.hpp: why a peer's chain failed, as a value and in words for a person.
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

/// `now` is what our clock says: half of all date problems are a wrong clock.
std::string to_reason(const Verdict& verdict, storage::Millis now);

}   // namespace grid::server::tls
