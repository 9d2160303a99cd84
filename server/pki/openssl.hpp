// server/pki/openssl.hpp: owners for OpenSSL's objects and the text of its last error.
#pragma once

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <ctime>
#include <memory>
#include <string>
#include <string_view>

#include "server/pki/failure.hpp"
#include "storage/batch.hpp"

namespace grid::pki {

template <auto Free>
struct Freed {
    template <class T>
    void operator()(T* object) const {
        Free(object);
    }
};
using Bio = std::unique_ptr<BIO, Freed<BIO_free_all>>;
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using Cert = std::unique_ptr<X509, Freed<X509_free>>;
using Names = std::unique_ptr<GENERAL_NAMES, Freed<GENERAL_NAMES_free>>;

/// OpenSSL's reason for the last failure of this thread; empties its queue.
inline Failure openssl_error(std::string_view what) {
    std::string text(what);
    const unsigned long code = ERR_peek_last_error();
    const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
    if (reason != nullptr) text.append(": ").append(reason);
    ERR_clear_error();
    return Failure{std::move(text)};
}

inline Bio bio_of(std::string_view text) {
    return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

inline std::string to_text(BIO* bio) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    return size > 0 ? std::string(data, static_cast<std::size_t>(size)) : std::string();
}

inline Cert read_certificate(std::string_view pem) {
    const Bio bio = bio_of(pem);
    return Cert(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
}

inline storage::Millis to_millis(const ASN1_TIME* time) {
    std::tm parts{};
    return ASN1_TIME_to_tm(time, &parts) == 1 ? storage::Millis{timegm(&parts)} * 1000 : 0;
}

/// Encrypted keys are refused rather than asked for on a terminal.
inline Key read_key(std::string_view pem) {
    const Bio bio = bio_of(pem);
    auto no_password = [](char*, int, int, void*) { return -1; };
    return Key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr));
}

}   // namespace grid::pki
