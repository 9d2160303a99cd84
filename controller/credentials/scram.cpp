// controller/credentials/scram.cpp: see controller/credentials/scram.hpp.
#include "controller/credentials/scram.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <stdexcept>

#include "controller/credentials/salted_password.hpp"

namespace grid::controller {

namespace {

const EVP_MD* algorithm(ScramHash hash) {
    if (hash == ScramHash::Sha1) return EVP_sha1();
    return hash == ScramHash::Sha256 ? EVP_sha256() : EVP_sha512();
}

const unsigned char* octets_of(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

using Room = std::array<unsigned char, EVP_MAX_MD_SIZE>;

std::string to_string_of(const Room& room, std::size_t size) {
    return {reinterpret_cast<const char*>(room.data()), size};
}

}   // namespace

std::string_view to_string(ScramHash hash) {
    if (hash == ScramHash::Sha1) return "SHA-1";
    return hash == ScramHash::Sha256 ? "SHA-256" : "SHA-512";
}

std::string salted_password(
    ScramHash hash, std::string_view password, std::string_view salt, std::uint32_t iterations
) {
    digests_made += iterations;
    Room room{};
    const auto size = static_cast<std::size_t>(EVP_MD_get_size(algorithm(hash)));
    if (PKCS5_PBKDF2_HMAC(
            password.data(), static_cast<int>(password.size()), octets_of(salt),
            static_cast<int>(salt.size()), static_cast<int>(iterations), algorithm(hash),
            static_cast<int>(size), room.data()
        ) != 1)
        throw std::runtime_error("OpenSSL derives no key from a password");
    std::string out = to_string_of(room, size);
    OPENSSL_cleanse(room.data(), room.size());
    return out;
}

ScramKeys derive_keys(
    ScramHash hash, std::string_view password, std::string salt, std::uint32_t iterations
) {
    std::string salted = salted_password(hash, password, salt, iterations);
    ScramKeys keys;
    keys.stored_key = digest(hash, keyed_digest(hash, salted, "Client Key"));
    keys.server_key = keyed_digest(hash, salted, "Server Key");
    keys.salt = std::move(salt);
    keys.iterations = iterations;
    OPENSSL_cleanse(salted.data(), salted.size());
    return keys;
}

std::string digest(ScramHash hash, std::string_view text) {
    ++digests_made;
    Room room{};
    unsigned int size = 0;
    if (EVP_Digest(text.data(), text.size(), room.data(), &size, algorithm(hash), nullptr) != 1)
        throw std::runtime_error("OpenSSL makes no digest");
    return to_string_of(room, size);
}

std::string keyed_digest(ScramHash hash, std::string_view key, std::string_view text) {
    ++digests_made;
    Room room{};
    unsigned int size = 0;
    if (HMAC(
            algorithm(hash), key.data(), static_cast<int>(key.size()), octets_of(text), text.size(),
            room.data(), &size
        ) == nullptr)
        throw std::runtime_error("OpenSSL makes no keyed digest");
    return to_string_of(room, size);
}

bool are_equal(std::string_view one, std::string_view other) {
    return one.size() == other.size() && CRYPTO_memcmp(one.data(), other.data(), one.size()) == 0;
}

std::string exclusive_or(std::string one, std::string_view other) {
    for (std::size_t i = 0; i < one.size() && i < other.size(); ++i)
        one[i] = static_cast<char>(one[i] ^ other[i]);
    return one;
}

}   // namespace grid::controller
