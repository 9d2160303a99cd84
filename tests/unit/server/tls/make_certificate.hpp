// tests/unit/server/tls/make_certificate.hpp: certificates of every kind that a test needs, good
// and bad.
#pragma once

#include <openssl/ssl.h>

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/tls/openssl.hpp"

namespace grid::test {

using server::tls::KeyPtr;
using server::tls::X509Ptr;

struct Certificate {
    X509Ptr certificate;
    KeyPtr key;
};

/// An xmppAddr with the ASN.1 type that is wanted, right or wrong.
struct XmppAddr {
    std::string text;
    int type = V_ASN1_UTF8STRING;
};

struct Spec {
    std::vector<std::string> common_names{"a client"};
    bool is_ca = false;
    long not_before = -3600, not_after = 3600;         // seconds from now
    std::optional<std::string> usage = "clientAuth";   // extended key usage
    std::vector<XmppAddr> xmpp{};
    std::vector<std::string> dns{}, email{};
    int rsa_bits = 0;   // 0: ECDSA on `curve`
    std::string curve = "P-256";
    /// Any extensions, by their short names: {"keyUsage", "keyEncipherment"}.
    std::vector<std::pair<std::string, std::string>> extensions{};
};

/// Signed by `issuer`; self-signed without one.
Certificate make(const Spec& spec, const Certificate* issuer = nullptr);
/// The same name and key, certified by another CA.
Certificate cross_sign(const Certificate& ca, const Certificate& issuer);
/// A certificate whose RSA key has a modulus of random bytes and an exponent nearly as long: slow
/// to use, and of no use but to an attacker. Its signature is void.
X509Ptr make_slow(const std::string& subject, const std::string& issuer, int bits);
Certificate make_ca(const std::string& name, const Certificate* issuer = nullptr);
Certificate make_client(const Certificate& ca, const std::string& jid);
Certificate make_server(const Certificate& ca, const std::string& domain);

std::string to_pem(const X509* certificate);
std::string to_pem(const EVP_PKEY* key);

/// Files that go when the test ends.
class TemporaryFiles {
public:
    TemporaryFiles();
    ~TemporaryFiles();
    TemporaryFiles(const TemporaryFiles&) = delete;
    TemporaryFiles& operator=(const TemporaryFiles&) = delete;
    /// Writes the file; returns its path.
    std::string write(const std::string& name, const std::string& content) const;
    std::string path(const std::string& name) const { return (folder_ / name).string(); }

private:
    std::filesystem::path folder_;
};

}   // namespace grid::test
