// server/tls/verdict.cpp: a Verdict hangs on its SSL and is freed with it.
#include "server/tls/verdict.hpp"

#include <openssl/x509_vfy.h>

#include <memory>

#include "server/tls/certificate_text.hpp"

namespace grid::server::tls {
namespace {

void free_verdict(void*, void* verdict, CRYPTO_EX_DATA*, int, long, void*) {
    delete static_cast<Verdict*>(verdict);
}

int slot() {
    static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, free_verdict);
    return index;
}

void record(X509_STORE_CTX* store) {
    auto* ssl =
        static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
    if (ssl == nullptr || verdict_of(ssl) != nullptr) return;
    auto verdict = std::make_unique<Verdict>();
    verdict->error = X509_STORE_CTX_get_error(store);
    verdict->depth = X509_STORE_CTX_get_error_depth(store);
    if (const X509* certificate = X509_STORE_CTX_get_current_cert(store)) {
        verdict->subject = to_text(X509_get_subject_name(certificate));
        verdict->issuer = to_text(X509_get_issuer_name(certificate));
        verdict->not_before = to_millis(X509_get0_notBefore(certificate));
        verdict->not_after = to_millis(X509_get0_notAfter(certificate));
    }
    if (SSL_set_ex_data(ssl, slot(), verdict.get()) == 1) verdict.release();
}

}   // namespace

int tolerant_verify(int is_ok, X509_STORE_CTX* store) {
    if (is_ok == 0) record(store);
    return 1;
}

int strict_verify(int is_ok, X509_STORE_CTX* store) {
    if (is_ok == 0) record(store);
    return is_ok;
}

const Verdict* verdict_of(const SSL* ssl) {
    return static_cast<const Verdict*>(SSL_get_ex_data(ssl, slot()));
}

}   // namespace grid::server::tls
