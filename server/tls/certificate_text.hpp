// server/tls/certificate_text.hpp: parts of a certificate as text for people and as numbers.
// These texts are never parsed again.
#pragma once

#include <openssl/x509.h>

#include <span>
#include <string>

#include "server/tls/openssl.hpp"
#include "storage/batch.hpp"

namespace grid::server::tls {

/// RFC 2253 order, with control characters and everything above ASCII escaped.
std::string to_text(const X509_NAME* name);
std::string serial_of(const X509* certificate);   // hexadecimal
std::string to_text(const ASN1_INTEGER* serial);
/// Lower-case hex.
std::string to_hex(const unsigned char* bytes, std::size_t size);
std::string fingerprint_of(const X509* certificate);   // SHA-256 of its DER, lower-case hex
/// Of several, in any order, each counted once: the front of a SHA-256, lower-case hex.
std::string fingerprint_of_all(std::span<const X509Ptr> certificates);
/// SHA-256 of its SubjectPublicKeyInfo in DER: the key, whatever name or date is around it.
std::string key_hash_of(const X509* certificate);
/// 0 when it is no date.
storage::Millis to_millis(const ASN1_TIME* time);

}   // namespace grid::server::tls
