// tests/bench/load/benchcerts.cpp: makes a CA, a server certificate and N client certificates.
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>

namespace {

constexpr long days_valid = 30;

struct Free {
    void operator()(X509* certificate) const { X509_free(certificate); }
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
    void operator()(BIO* bio) const { BIO_free(bio); }
};
using Certificate = std::unique_ptr<X509, Free>;
using Key = std::unique_ptr<EVP_PKEY, Free>;

void check(bool good, const std::string& what) {
    if (good) return;
    const char* reason = ERR_reason_error_string(ERR_peek_last_error());
    throw std::runtime_error(what + ": " + (reason != nullptr ? reason : "failed"));
}

struct Issuer {
    X509* certificate;
    EVP_PKEY* key;
};

void add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
    check(extension != nullptr, "extension " + value);
    check(X509_add_ext(certificate, extension, -1) == 1, "extension " + value);
    X509_EXTENSION_free(extension);
}

// A certificate without extensions and without signature.
Certificate blank(const std::string& common_name, EVP_PKEY* key, long serial) {
    Certificate made(X509_new());
    check(made != nullptr, "certificate");
    X509_set_version(made.get(), X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(made.get()), serial);
    X509_gmtime_adj(X509_getm_notBefore(made.get()), -60L * 60);   // clocks differ
    X509_gmtime_adj(X509_getm_notAfter(made.get()), days_valid * 24 * 60 * 60);
    X509_NAME_add_entry_by_txt(
        X509_get_subject_name(made.get()), "CN", MBSTRING_UTF8,
        reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1, 0
    );
    X509_set_pubkey(made.get(), key);
    return made;
}

void sign(X509* certificate, const Issuer& issuer) {
    X509_set_issuer_name(certificate, X509_get_subject_name(issuer.certificate));
    check(X509_sign(certificate, issuer.key, EVP_sha256()) > 0, "signature");
}

Certificate make_ca(EVP_PKEY* key) {
    Certificate ca = blank("Bench CA", key, 1);
    add_extension(ca.get(), ca.get(), NID_basic_constraints, "critical,CA:TRUE");
    add_extension(ca.get(), ca.get(), NID_key_usage, "critical,keyCertSign,cRLSign");
    add_extension(ca.get(), ca.get(), NID_subject_key_identifier, "hash");
    sign(ca.get(), {ca.get(), key});
    return ca;
}

Certificate make_leaf(
    const std::string& name,
    const std::string& alternative,
    const char* purpose,
    EVP_PKEY* key,
    const Issuer& issuer,
    long serial
) {
    Certificate leaf = blank(name, key, serial);
    add_extension(leaf.get(), issuer.certificate, NID_basic_constraints, "critical,CA:FALSE");
    add_extension(leaf.get(), issuer.certificate, NID_key_usage, "critical,digitalSignature");
    add_extension(leaf.get(), issuer.certificate, NID_ext_key_usage, purpose);
    add_extension(leaf.get(), issuer.certificate, NID_subject_key_identifier, "hash");
    add_extension(leaf.get(), issuer.certificate, NID_authority_key_identifier, "keyid");
    add_extension(leaf.get(), issuer.certificate, NID_subject_alt_name, alternative);
    sign(leaf.get(), issuer);
    return leaf;
}

template <typename Write>
void write_file(const std::string& path, Write&& write) {
    std::unique_ptr<BIO, Free> bio(BIO_new_file(path.c_str(), "w"));
    check(bio != nullptr, "cannot write " + path);
    check(write(bio.get()), "cannot write " + path);
}

void write_key(const std::string& path, EVP_PKEY* key) {
    write_file(path, [&](BIO* bio) {
        return PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr) == 1;
    });
}

void write_certificate(const std::string& path, X509* certificate) {
    write_file(path, [&](BIO* bio) { return PEM_write_bio_X509(bio, certificate) == 1; });
}

void make_all(const std::string& directory, const std::string& domain, long clients) {
    std::filesystem::create_directories(directory);
    const Key ca_key(EVP_EC_gen("P-256")), server_key(EVP_EC_gen("P-256"));
    const Key client_key(EVP_EC_gen("P-256"));
    check(ca_key && server_key && client_key, "key");
    const Certificate ca = make_ca(ca_key.get());
    const Issuer issuer{ca.get(), ca_key.get()};

    const Certificate server = make_leaf(
        domain,
        "DNS:" + domain + ",DNS:pubsub." + domain + ",DNS:controller." + domain + ",IP:127.0.0.1",
        "serverAuth", server_key.get(), issuer, 2
    );
    write_certificate(directory + "/ca.pem", ca.get());
    write_certificate(directory + "/server.pem", server.get());
    write_key(directory + "/server.key", server_key.get());
    write_key(directory + "/client.key", client_key.get());
    write_file(directory + "/clients.pem", [&](BIO* bio) {
        for (long i = 1; i <= clients; ++i) {
            char name[32];
            std::snprintf(name, sizeof name, "bench-%05ld", i);
            // RFC 6120 13.7.1.4: id-on-xmppAddr.
            const std::string address =
                "otherName:1.3.6.1.5.5.7.8.5;UTF8:" + std::string(name) + "@" + domain;
            const Certificate made =
                make_leaf(name, address, "clientAuth", client_key.get(), issuer, i + 2);
            if (PEM_write_bio_X509(bio, made.get()) != 1) return false;
            if (i == 1) write_certificate(directory + "/client.pem", made.get());
        }
        return true;
    });
}

}   // namespace

int main(int argc, char** argv) {
    const std::string domain = argc > 3 ? argv[3] : "grid.localhost";
    const long clients = argc > 2 ? std::strtol(argv[2], nullptr, 10) : 0;
    if (clients < 1 || clients > 100000) {
        std::fprintf(
            stderr,
            "benchcerts DIRECTORY CLIENTS [DOMAIN]\n"
            "ca.pem, server.pem, server.key, clients.pem (one certificate each, "
            "one client.key for all), client.pem (the first of them)\n"
        );
        return 2;
    }
    try {
        make_all(argv[1], domain, clients);
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "benchcerts: %s\n", error.what());
        return 1;
    }
}
