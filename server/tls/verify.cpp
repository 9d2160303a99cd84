// server/tls/verify.cpp: the findings about a chain hang on its SSL and are freed with it.
#include "server/tls/verify.hpp"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <memory>
#include <utility>

#include "server/tls/library.hpp"
#include "server/tls/paths/known_paths.hpp"
#include "server/tls/paths/path.hpp"

namespace grid::server::tls {

namespace {

struct Remembered {
    Verdict verdict;
    std::vector<std::string> others;
    // Of verify_again.
    bool is_again = false;
    X509Ptr own;
    std::vector<X509Ptr> path;
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
    auto all = std::make_unique<Remembered>();
    all->verdict = std::move(verdict);
    all->others = std::move(others);
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
    Found found = find_known_paths(leaf, sent, X509_STORE_CTX_get0_store(store));
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

X509Ptr parse_sent(const std::string& der) {
    X509* certificate = X509_new_ex(handshake_library(), nullptr);
    if (certificate == nullptr) return nullptr;
    const auto* at = reinterpret_cast<const unsigned char*>(der.data());
    // Frees it where it fails.
    return X509Ptr(d2i_X509(&certificate, &at, static_cast<long>(der.size())));
}

std::vector<X509Ptr> shared_all(const std::vector<X509Ptr>& certificates) {
    std::vector<X509Ptr> all;
    for (const auto& one : certificates) all.push_back(share(one.get()));
    return all;
}

}   // namespace

void verify_again(SSL* ssl, const std::vector<std::string>& chain) {
    if (remembered_of(ssl) != nullptr) return;
    auto all = std::make_unique<Remembered>();
    all->is_again = true;
    const OwningStack sent(sk_X509_new_null());
    for (const std::string& der : chain) {
        X509Ptr one = parse_sent(der);
        if (!one) {
            all->verdict.error = X509_V_ERR_APPLICATION_VERIFICATION;
            all->verdict.detail = "the certificate of the resumed session cannot be read";
            break;
        }
        if (!all->own) all->own = share(one.get());
        if (sk_X509_push(sent.get(), one.get()) > 0) (void)one.release();
    }
    if (all->own && all->verdict.error == X509_V_OK) {
        Found found = find_known_paths(
            all->own.get(), sent.get(), SSL_CTX_get_cert_store(SSL_get_SSL_CTX(ssl))
        );
        all->verdict = std::move(found.verdict);
        all->others = std::move(found.others);
        all->path = std::move(found.path);
    }
    ERR_clear_error();
    if (SSL_set_ex_data(ssl, slot(), all.get()) == 1) (void)all.release();
}

X509Ptr certificate_of(const SSL* ssl) {
    if (is_verified_again(ssl)) {
        const Remembered& all = *remembered_of(ssl);
        return all.own ? share(all.own.get()) : nullptr;
    }
    return X509Ptr(SSL_get1_peer_certificate(ssl));
}

std::vector<X509Ptr> verified_path_of(const SSL* ssl) {
    if (is_verified_again(ssl)) return shared_all(remembered_of(ssl)->path);
    std::vector<X509Ptr> path;
    STACK_OF(X509)* chain = SSL_get0_verified_chain(ssl);
    for (int i = 0; chain != nullptr && i < sk_X509_num(chain); ++i)
        path.push_back(share(sk_X509_value(chain, i)));
    return path;
}

bool is_verified_again(const SSL* ssl) {
    const Remembered* all = remembered_of(ssl);
    return all != nullptr && all->is_again;
}

void forget_verified(SSL* ssl) {
    auto* all = static_cast<Remembered*>(SSL_get_ex_data(ssl, slot()));
    if (all == nullptr) return;
    all->own.reset();
    std::vector<X509Ptr>().swap(all->path);
}

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
