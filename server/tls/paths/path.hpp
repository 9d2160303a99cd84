// server/tls/paths/path.hpp: from a certificate to the anchors, by every path that holds.
#pragma once

#include <openssl/x509.h>

#include <string>
#include <vector>

#include "server/tls/openssl.hpp"
#include "server/tls/verdict.hpp"

namespace grid::server::tls {

/// For handshakes, and for chains in requests. RFC 5280 knows paths, not "the" path: two CAs may
/// have one name, a CA may be signed by two others, and a bundle may hold an intermediate beside
/// its root. OpenSSL tries one path; the others are tried here.
struct Found {
    Verdict verdict;             // error X509_V_OK: `path` holds; else what was wrong first
    std::vector<X509Ptr> path;   // own certificate first, anchor last
    /// Keys (SHA-256, hex) of CAs of the other paths that hold, without those in `path`.
    std::vector<std::string> others;
};
/// `sent`: what came with the leaf; may be null, may hold the leaf too. `anchors`: the trusted CAs.
Found find_paths(X509* leaf, STACK_OF(X509) * sent, X509_STORE* anchors);

/// Why a chain is refused before anything in it is verified: more certificates than any path can
/// have, or keys whose use costs many times that of others. Empty: it is not.
std::string why_too_costly(X509* leaf, STACK_OF(X509) * sent);

/// The same of an RSA key by its numbers of bits.
std::string why_costly_rsa(std::size_t bits, std::size_t exponent_bits);

inline constexpr int chain_depth_max = 8;   // CAs between the leaf and the anchor
/// The leaf, CAs between it and the anchor, the anchor itself, and one to spare.
inline constexpr std::size_t certificates_max = chain_depth_max + 3;
inline constexpr int security_level = 2;   // 112 bits: RSA and DH of 2,048, no SHA-1

}   // namespace grid::server::tls
