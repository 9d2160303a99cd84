// server/pki/pem.hpp: certificates and keys as PEM text, and OpenSSL's reasons as failures.
#pragma once

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string>
#include <string_view>
#include <utility>

#include "server/pki/failure.hpp"
#include "server/tls/openssl.hpp"
#include "server/tls/openssl_error.hpp"

namespace grid::pki {

using server::tls::BioPtr;
using server::tls::Deleter;
using server::tls::KeyPtr;
using server::tls::NamesPtr;
using server::tls::text_of;
using server::tls::X509Ptr;

/// OpenSSL's reason for the last failure of this thread; empties its queue.
inline Failure openssl_error(std::string_view what) {
    std::string text(what);
    if (const std::string reason = server::tls::take_openssl_failure(); !reason.empty())
        text.append(": ").append(reason);
    return Failure{std::move(text)};
}

/// Null when the text is no certificate.
inline X509Ptr read_certificate(std::string_view pem) {
    const BioPtr bio = server::tls::bio_over(pem);
    return X509Ptr(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
}

/// Encrypted keys are refused rather than asked for on a terminal.
inline KeyPtr read_key(std::string_view pem) {
    const BioPtr bio = server::tls::bio_over(pem);
    auto no_password = [](char*, int, int, void*) { return -1; };
    return KeyPtr(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr));
}

}   // namespace grid::pki
