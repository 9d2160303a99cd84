// server/tls/openssl.hpp: OpenSSL's things as values that free themselves.
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>
#include <string_view>

namespace grid::server::tls {

template <auto free>
struct Deleter {
    template <class T>
    void operator()(T* thing) const {
        free(thing);
    }
};
using BioPtr = std::unique_ptr<BIO, Deleter<BIO_free>>;
using X509Ptr = std::unique_ptr<X509, Deleter<X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using NamesPtr = std::unique_ptr<GENERAL_NAMES, Deleter<GENERAL_NAMES_free>>;
using StoreContext = std::unique_ptr<X509_STORE_CTX, Deleter<X509_STORE_CTX_free>>;

inline void free_stack(STACK_OF(X509) * stack) { sk_X509_free(stack); }
inline void free_with_certificates(STACK_OF(X509) * stack) { sk_X509_pop_free(stack, X509_free); }
/// Of certificates that others own.
using Stack = std::unique_ptr<STACK_OF(X509), Deleter<free_stack>>;
using OwningStack = std::unique_ptr<STACK_OF(X509), Deleter<free_with_certificates>>;

/// Reads from the bytes, which must outlive it.
inline BioPtr bio_over(std::string_view bytes) {
    return BioPtr(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
}
/// The bytes that were written to a BIO in memory.
inline std::string text_of(BIO* bio) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    return size > 0 ? std::string(data, static_cast<std::size_t>(size)) : std::string();
}

inline X509Ptr share(X509* certificate) {
    X509_up_ref(certificate);
    return X509Ptr(certificate);
}

}   // namespace grid::server::tls
