// server/tls/certificate_text.cpp: printing and hashing with OpenSSL.
#include "server/tls/certificate_text.hpp"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include <ctime>
#include <set>
#include <string_view>

namespace grid::server::tls {
namespace {

/// Frees what an i2d function allocated.
struct Der {
    unsigned char* bytes = nullptr;
    ~Der() { OPENSSL_free(bytes); }
};

std::string sha256(const Der& der, int size) {
    if (size <= 0) return {};
    // SHA256() would look the algorithm up each time, which costs more than a key's hash.
    static EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    unsigned char digest[SHA256_DIGEST_LENGTH];
    if (EVP_Digest(
            der.bytes, static_cast<std::size_t>(size), digest, nullptr, algorithm, nullptr
        ) != 1)
        return {};
    return to_hex(digest, sizeof digest);
}

}   // namespace

std::string to_hex(const unsigned char* bytes, std::size_t size) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out;
    out.reserve(size * 2);
    for (std::size_t i = 0; i < size; ++i) {
        out += digits[bytes[i] >> 4];
        out += digits[bytes[i] & 15];
    }
    return out;
}

std::string to_text(const X509_NAME* name) {
    const BioPtr out(BIO_new(BIO_s_mem()));
    if (!out || name == nullptr) return {};
    // ESC_MSB and ESC_CTRL: what is left is printable ASCII, so that a name cannot forge a log
    // line.
    X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_RFC2253);
    const std::string text = text_of(out.get());
    return text.empty() ? "(empty)" : text;
}

std::string serial_of(const X509* certificate) {
    return to_text(X509_get0_serialNumber(certificate));
}

std::string to_text(const ASN1_INTEGER* serial) {
    const auto size = static_cast<std::size_t>(ASN1_STRING_length(serial));
    const std::string hex = to_hex(ASN1_STRING_get0_data(serial), size);
    return ASN1_STRING_type(serial) == V_ASN1_NEG_INTEGER ? "-" + hex : hex;
}

std::string fingerprint_of(const X509* certificate) {
    Der der;
    const int size = i2d_X509(certificate, &der.bytes);
    return sha256(der, size);
}

std::string fingerprint_of_all(std::span<const X509Ptr> certificates) {
    constexpr std::size_t shown = 8;   // bytes: for people, who compare it
    std::set<std::string> each;
    for (const X509Ptr& one : certificates) each.insert(fingerprint_of(one.get()));
    std::string all;
    for (const std::string& one : each) all += one;
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SHA256(reinterpret_cast<const unsigned char*>(all.data()), all.size(), digest);
    return to_hex(digest, shown);
}

std::string key_hash_of(const X509* certificate) {
    Der der;
    const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der.bytes);
    return sha256(der, size);
}

storage::Millis to_millis(const ASN1_TIME* time) {
    std::tm parts{};
    if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) return 0;
    return static_cast<storage::Millis>(timegm(&parts)) * 1000;
}

}   // namespace grid::server::tls
