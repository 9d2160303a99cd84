// server/tls/pem_file.cpp: PEM files, one after the other.
#include "server/tls/pem_file.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <system_error>

#include "server/tls/failure.hpp"

namespace grid::server::tls {
namespace {

using Failure = std::string;

/// Null, and why, when the file cannot be read.
BioPtr open(const std::string& path, std::string& why) {
    std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"), fclose);
    struct stat status{};
    if (file && ::fstat(::fileno(file.get()), &status) == 0 && S_ISDIR(status.st_mode)) {
        why = path + ": is a directory, not a PEM file";
        return nullptr;
    }
    if (!file) {
        why = path + ": " + std::generic_category().message(errno);
        return nullptr;
    }
    return BioPtr(BIO_new_fp(file.release(), BIO_CLOSE));
}

/// There is nobody to ask: the server starts unattended.
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
    Failure why;
    const BioPtr file = open(path, why);
    if (!file) return {boost::system::in_place_error, why};
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
    Failure why;
    const BioPtr file = open(path, why);
    if (!file) return {boost::system::in_place_error, why};
    bool was_asked = false;
    ERR_clear_error();
    KeyPtr key(PEM_read_bio_PrivateKey(file.get(), nullptr, no_password, &was_asked));
    const auto failure = take_openssl_failure();
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
