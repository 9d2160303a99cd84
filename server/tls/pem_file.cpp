// server/tls/pem_file.cpp: PEM files, one after the other.
#include "server/tls/pem_file.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>

#include "server/regular_file.hpp"
#include "server/tls/openssl_error.hpp"

namespace grid::server::tls {
namespace {

/// There is no one to ask: the server starts unattended.
int no_password(char*, int, int, void* was_asked) {
    *static_cast<bool*>(was_asked) = true;
    return -1;
}

bool is_end_of_file() {
    const auto code = ERR_peek_last_error();
    return ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
}

}   // namespace

Result<std::vector<X509Ptr>, std::string> read_certificates(const std::string& path) {
    const auto bytes = read_regular_file(path);
    if (!bytes) return bytes.error();
    const BioPtr file = bio_over(*bytes);
    std::vector<X509Ptr> certificates;
    ERR_clear_error();
    while (X509* next = PEM_read_bio_X509_AUX(file.get(), nullptr, nullptr, nullptr))
        certificates.emplace_back(next);
    const bool is_clean = is_end_of_file();
    const auto failure = take_openssl_failure();
    if (!is_clean)
        return {
            boost::system::in_place_error, path + ": certificate " +
                                               std::to_string(certificates.size() + 1) +
                                               " of the file cannot be read: " + failure
        };
    if (certificates.empty())
        return {
            boost::system::in_place_error,
            path + ": no certificate in it (PEM, \"-----BEGIN CERTIFICATE-----\", is expected)"
        };
    return certificates;
}

Result<KeyPtr, std::string> read_key(const std::string& path) {
    auto bytes = read_regular_file(path);
    if (!bytes) return bytes.error();
    const BioPtr file = bio_over(*bytes);
    bool was_asked = false;
    ERR_clear_error();
    KeyPtr key(PEM_read_bio_PrivateKey(file.get(), nullptr, no_password, &was_asked));
    const auto failure = take_openssl_failure();
    OPENSSL_cleanse(bytes->data(), bytes->size());
    if (key) return key;
    if (was_asked)
        return {
            boost::system::in_place_error,
            path + ": the key is encrypted; `openssl pkey -in FILE -out PLAIN` removes the password"
        };
    return {
        boost::system::in_place_error, path + ": no private key in it (PEM is expected): " + failure
    };
}

}   // namespace grid::server::tls
