// tests/bench/load/identities.cpp: reads what benchcerts wrote.
#include "load/identities.hpp"

#include <openssl/pem.h>
#include <openssl/x509.h>

#include <cstdio>
#include <memory>
#include <stdexcept>

namespace grid::bench {

namespace {
struct FileClose {
    void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, FileClose>;

File open(const std::string& path) {
    File file(std::fopen(path.c_str(), "re"));
    if (!file) throw std::runtime_error("cannot read " + path + " (benchcerts makes it)");
    return file;
}
}   // namespace

Identities::Identities(const std::string& directory) {
    const File key = open(directory + "/client.key");
    key_.reset(PEM_read_PrivateKey(key.get(), nullptr, nullptr, nullptr));
    if (!key_) throw std::runtime_error("client.key is no private key: " + ssl_reason());

    const File bundle = open(directory + "/clients.pem");
    char* name = nullptr;
    char* header = nullptr;
    unsigned char* data = nullptr;
    long bytes = 0;
    while (PEM_read(bundle.get(), &name, &header, &data, &bytes) == 1) {
        certificates_.emplace_back(reinterpret_cast<char*>(data), static_cast<std::size_t>(bytes));
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_free(data);
    }
    ssl_reason();   // the end of the file is an error to PEM_read
    if (certificates_.empty()) throw std::runtime_error("clients.pem holds no certificate");
}

std::string Identities::name(std::size_t index) const {
    char text[32];
    std::snprintf(text, sizeof text, "bench-%05zu", index % certificates_.size() + 1);
    return text;
}

void Identities::apply(SSL* ssl, std::size_t index) const {
    const std::string& der = certificates_[index % certificates_.size()];
    const auto* at = reinterpret_cast<const unsigned char*>(der.data());
    const std::unique_ptr<X509, SslDelete> certificate(
        d2i_X509(nullptr, &at, static_cast<long>(der.size()))
    );
    if (!certificate || SSL_use_certificate(ssl, certificate.get()) != 1 ||
        SSL_use_PrivateKey(ssl, key_.get()) != 1)
        throw std::runtime_error("cannot use client certificate: " + ssl_reason());
}

SslContext client_context(const std::string& ca_file) {
    SslContext context(SSL_CTX_new(TLS_client_method()));
    if (!context || SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION) != 1 ||
        SSL_CTX_load_verify_locations(context.get(), ca_file.c_str(), nullptr) != 1)
        throw std::runtime_error("cannot use " + ca_file + ": " + ssl_reason());
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
    return context;
}

}   // namespace grid::bench
