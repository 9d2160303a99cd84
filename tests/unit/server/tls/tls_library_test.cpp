// tests/unit/server/tls/tls_library_test.cpp: the library context with few decoders has all that a
// handshake needs.
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "make_certificate.hpp"
#include "server/tls/context.hpp"
#include "server/tls/library.hpp"
#include "server/tls/openssl.hpp"

namespace tls_library_test {

using namespace grid::server::tls;
using namespace grid::test;

namespace {

/// A certificate with that key, parsed in the library context as a handshake does.
X509Ptr parse_with_key(EVP_PKEY* key) {
    const auto ca = make_ca("a CA");
    const X509Ptr made(X509_dup(ca.certificate.get()));
    REQUIRE(X509_set_pubkey(made.get(), key) == 1);
    REQUIRE(X509_sign(made.get(), ca.key.get(), EVP_sha256()) > 0);
    unsigned char* der = nullptr;
    const int size = i2d_X509(made.get(), &der);
    REQUIRE(size > 0);
    X509* parsed = X509_new_ex(handshake_library(), nullptr);
    const unsigned char* at = der;
    X509Ptr result(d2i_X509(&parsed, &at, size));
    OPENSSL_free(der);
    return result;
}

KeyPtr make_key(const std::string& kind) {
    if (kind == "RSA") return KeyPtr(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{2048}));
    if (kind.starts_with("P-"))
        return KeyPtr(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", kind.c_str()));
    if (kind != "RSA-PSS") return KeyPtr(EVP_PKEY_Q_keygen(nullptr, nullptr, kind.c_str()));
    const std::unique_ptr<EVP_PKEY_CTX, Deleter<EVP_PKEY_CTX_free>> context(
        EVP_PKEY_CTX_new_from_name(nullptr, "RSA-PSS", nullptr)
    );
    EVP_PKEY* key = nullptr;
    EVP_PKEY_keygen_init(context.get());
    EVP_PKEY_keygen(context.get(), &key);
    return KeyPtr(key);
}

std::vector<std::string> suites_of(OSSL_LIB_CTX* library) {
    const Context context(SSL_CTX_new_ex(library, nullptr, TLS_server_method()));
    REQUIRE(SSL_CTX_set_cipher_list(context.get(), "ALL:COMPLEMENTOFALL:@SECLEVEL=0") == 1);
    std::vector<std::string> names;
    STACK_OF(SSL_CIPHER)* all = SSL_CTX_get_ciphers(context.get());
    for (int i = 0; i < sk_SSL_CIPHER_num(all); ++i)
        names.emplace_back(SSL_CIPHER_get_name(sk_SSL_CIPHER_value(all, i)));
    return names;
}

}   // namespace

TEST_CASE("handshakes have a library context of their own where OpenSSL is not configured") {
    CHECK(handshake_library() != nullptr);
}

TEST_CASE("the keys that certificates may have are decoded for handshakes, and no others") {
    for (const std::string kind :
         {"RSA", "RSA-PSS", "P-256", "P-384", "P-521", "ED25519", "ED448"}) {
        INFO(kind);
        const KeyPtr key = make_key(kind);
        REQUIRE(key);
        const X509Ptr parsed = parse_with_key(key.get());
        REQUIRE(parsed);
        EVP_PKEY* decoded = X509_get0_pubkey(parsed.get());
        REQUIRE(decoded != nullptr);
        CHECK(EVP_PKEY_eq(decoded, key.get()) == 1);
    }
    const KeyPtr agreement = make_key("X25519");
    const X509Ptr parsed = parse_with_key(agreement.get());
    REQUIRE(parsed);
    CHECK(X509_get0_pubkey(parsed.get()) == nullptr);
}

TEST_CASE("handshakes have every cipher suite that OpenSSL has") {
    const auto suites = suites_of(handshake_library());
    CHECK(suites.size() > 20);
    CHECK(suites == suites_of(nullptr));
}

}   // namespace tls_library_test
