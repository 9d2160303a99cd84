// server/bulk/digest.cpp: see digest.hpp.
#include "server/bulk/digest.hpp"

#include <openssl/evp.h>

#include "storage/chain.hpp"

namespace grid::server::bulk {

void Digest::Freed::operator()(evp_md_ctx_st* context) const { EVP_MD_CTX_free(context); }

Digest::Digest() : context_(EVP_MD_CTX_new()) {
    EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr);
}

void Digest::add(std::string_view bytes) {
    EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size());
}

std::string Digest::take() {
    storage::Hash hash{};
    EVP_DigestFinal_ex(context_.get(), reinterpret_cast<unsigned char*>(hash.data()), nullptr);
    EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr);
    return storage::to_hex(storage::view(hash));
}

}   // namespace grid::server::bulk
