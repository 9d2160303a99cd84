// server/net/channel_binding.cpp: see server/net/channel_binding.hpp.
#include "server/net/channel_binding.hpp"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace grid::server::net {
namespace {

/// Whether no other connection can have the same keys (RFC 7627 §1).
bool is_unique(SSL* ssl) {
    return SSL_version(ssl) >= TLS1_3_VERSION || SSL_get_extms_support(ssl) == 1;
}

/// TLS 1.2 is not resumed here (tls/tickets), so that the client's Finished is the one.
std::string finished(SSL* ssl) {
    if (!is_unique(ssl)) return {};
    std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
    const std::size_t size = SSL_get_peer_finished(ssl, bytes.data(), bytes.size());
    return {reinterpret_cast<const char*>(bytes.data()), std::min(size, bytes.size())};
}

std::string exported(SSL* ssl) {
    constexpr std::string_view label = "EXPORTER-Channel-Binding";
    if (!is_unique(ssl)) return {};
    std::array<unsigned char, 32> bytes{};
    constexpr unsigned char no_context = 0;   // there is one, of no bytes
    if (SSL_export_keying_material(
            ssl, bytes.data(), bytes.size(), label.data(), label.size(), &no_context, 0, 1
        ) != 1)
        return {};
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// The hash of the certificate's signature; SHA-256 in place of MD5 and SHA-1.
const EVP_MD* hash_of(X509* certificate) {
    int hash = NID_undef;
    if (X509_get_signature_info(certificate, &hash, nullptr, nullptr, nullptr) != 1 ||
        hash == NID_undef)
        return nullptr;
    return hash == NID_md5 || hash == NID_sha1 ? EVP_sha256() : EVP_get_digestbynid(hash);
}

std::string end_point(SSL* ssl) {
    X509* certificate = SSL_get_certificate(ssl);
    const EVP_MD* hash = certificate != nullptr ? hash_of(certificate) : nullptr;
    std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
    unsigned int size = 0;
    if (hash == nullptr || X509_digest(certificate, hash, bytes.data(), &size) != 1) return {};
    return {reinterpret_cast<const char*>(bytes.data()), size};
}

}   // namespace

ChannelBindings channel_bindings(SSL* ssl) {
    ChannelBindings made;
    if (auto data = exported(ssl); !data.empty()) made.emplace("tls-exporter", std::move(data));
    if (auto data = end_point(ssl); !data.empty())
        made.emplace("tls-server-end-point", std::move(data));
    if (auto data = finished(ssl); !data.empty()) made.emplace("tls-unique", std::move(data));
    ERR_clear_error();
    return made;
}

}   // namespace grid::server::net
