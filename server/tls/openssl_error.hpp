// server/tls/openssl_error.hpp: OpenSSL's error queue as one line for a person.
#pragma once

#include <openssl/ssl.h>

#include <string>

namespace grid::server::tls {

/// Takes everything out of this thread's queue; the last entry is what is said, since it is nearest
/// to the cause. Empty when there was nothing.
std::string take_openssl_failure();
/// The same of a connection: where its peer's certificate failed the handshake, why it did.
std::string take_openssl_failure(const SSL* ssl);

}   // namespace grid::server::tls
