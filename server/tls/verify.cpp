// server/tls/verify.cpp: the findings about a chain hang on its SSL and are freed with it.
#include "server/tls/verify.hpp"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <memory>
#include <utility>

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
