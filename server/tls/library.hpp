// server/tls/library.hpp: the part of OpenSSL that handshakes use, with few decoders of keys.
#pragma once

#include <openssl/crypto.h>

namespace grid::server::tls {

/// For SSL_CTX_new_ex. For the key of every certificate that it parses, OpenSSL 3.0 sets up all of
/// its 40 decoders anew and copies the list of all algorithms that are loaded, which takes longer
/// than verifying a signature. This library context has the algorithms of OpenSSL's default
/// provider, but only the decoders of the keys that `why_too_costly` lets pass, and the ciphers of
/// TLS. Null, which is OpenSSL's own context: the operator has configured other providers
/// (openssl.cnf, FIPS), so that those are used; or the decoders are not found under the names that
/// they have had since OpenSSL 3.0. Lives as long as the process; any thread.
OSSL_LIB_CTX* handshake_library();

}   // namespace grid::server::tls
