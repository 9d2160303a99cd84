// server/tls/verdict.cpp: the verdict on a chain hangs on its SSL and is freed with it.
#include "server/tls/verdict.hpp"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <memory>

#include "server/tls/certificate_text.hpp"
#include "server/tls/path.hpp"

namespace grid::server::tls {
namespace {

struct Remembered {
    Verdict verdict;
    std::vector<std::string> others;
};

void free_remembered(void*, void* remembered, CRYPTO_EX_DATA*, int, long, void*) {
    delete static_cast<Remembered*>(remembered);
}

int slot() {
    static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, free_remembered);
    return index;
}

const Remembered* remembered_of(const SSL* ssl) {
    return static_cast<const Remembered*>(SSL_get_ex_data(ssl, slot()));
}

void remember(SSL* ssl, Verdict verdict, std::vector<std::string> others) {
    if (ssl == nullptr || remembered_of(ssl) != nullptr) return;
    auto all = std::make_unique<Remembered>(Remembered{std::move(verdict), std::move(others)});
    if (SSL_set_ex_data(ssl, slot(), all.get()) == 1) (void)all.release();
}

/// RFC 5280 §4.2.1.3, §4.2.1.12: which of its extensions says that it is not for TLS clients.
std::string why_not_for_clients(X509* certificate) {
    const std::uint32_t key_usage = X509_get_key_usage(certificate);
    const std::uint32_t extended = X509_get_extended_key_usage(certificate);
    if (extended != UINT32_MAX && (extended & XKU_SSL_CLIENT) == 0)
        return "its extended key usage lacks clientAuth";
    if (key_usage != UINT32_MAX && (key_usage & (KU_DIGITAL_SIGNATURE | KU_KEY_AGREEMENT)) == 0)
        return "its key usage lacks digitalSignature";
    return "its Netscape certificate type is not that of a client";
}

int verify(X509_STORE_CTX* store, bool is_strict) {
    auto* ssl =
        static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
    X509* leaf = X509_STORE_CTX_get0_cert(store);
    STACK_OF(X509)* sent = X509_STORE_CTX_get0_untrusted(store);
    if (auto why = why_too_costly(leaf, sent); !why.empty()) {
        remember_refusal(ssl, std::move(why));
        X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
        return 0;
    }
    Found found = find_paths(leaf, sent, X509_STORE_CTX_get0_store(store));
    ERR_clear_error();
    X509_STORE_CTX_set_error(store, found.verdict.error);
    if (found.verdict.error != X509_V_OK) {
        remember(ssl, std::move(found.verdict), {});
        return is_strict ? 0 : 1;
    }
    STACK_OF(X509)* chain = sk_X509_new_null();
    for (X509Ptr& one : found.path) sk_X509_push(chain, one.release());
    X509_STORE_CTX_set0_verified_chain(store, chain);
    if (!found.others.empty()) remember(ssl, {}, std::move(found.others));
    return 1;
}

}   // namespace

void remember_refusal(SSL* ssl, std::string why) {
    Verdict verdict;
    verdict.error = X509_V_ERR_APPLICATION_VERIFICATION;
    verdict.detail = std::move(why);
    remember(ssl, std::move(verdict), {});
}

Verdict to_verdict(X509_STORE_CTX* store) {
    Verdict verdict;
    verdict.error = X509_STORE_CTX_get_error(store);
    verdict.depth = X509_STORE_CTX_get_error_depth(store);
    X509* certificate = X509_STORE_CTX_get_current_cert(store);
    if (certificate == nullptr) return verdict;
    verdict.subject = to_text(X509_get_subject_name(certificate));
    verdict.issuer = to_text(X509_get_issuer_name(certificate));
    verdict.not_before = to_millis(X509_get0_notBefore(certificate));
    verdict.not_after = to_millis(X509_get0_notAfter(certificate));
    if (verdict.error == X509_V_ERR_INVALID_PURPOSE && verdict.depth == 0)
        verdict.detail = why_not_for_clients(certificate);
    return verdict;
}

int tolerant_verify(X509_STORE_CTX* store, void*) { return verify(store, false); }
int strict_verify(X509_STORE_CTX* store, void*) { return verify(store, true); }

const Verdict* verdict_of(const SSL* ssl) {
    const Remembered* all = remembered_of(ssl);
    return all == nullptr || all->verdict.error == X509_V_OK ? nullptr : &all->verdict;
}

std::vector<std::string> other_authorities_of(const SSL* ssl) {
    const Remembered* all = remembered_of(ssl);
    return all == nullptr ? std::vector<std::string>{} : all->others;
}

}   // namespace grid::server::tls
