// storage/chain.cpp: see chain.hpp; the grammar is in README.md.
#include "storage/chain.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <new>

#include "storage/codec.hpp"
#include "storage/schema.hpp"

namespace grid::storage {
namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";

}   // namespace

std::string encode(const Link& link) {
    return Encoder(link_bytes).u64(link.number).u64(link.bytes).raw(view(link.hash)).take();
}

std::optional<Link> decode_link(std::string_view bytes) {
    if (bytes.size() != link_bytes) return std::nullopt;
    Decoder in(bytes);
    Link link;
    link.number = in.u64();
    link.bytes = in.u64();
    std::ranges::copy(in.raw(), link.hash.begin());
    return link;
}

std::optional<Linked> split_link(std::string_view value) {
    if (value.size() < link_bytes) return std::nullopt;
    const std::size_t end = value.size() - link_bytes;
    return Linked{value.substr(0, end), *decode_link(value.substr(end))};
}

std::string to_hex(std::string_view bytes) {
    std::string text;
    text.reserve(2 * bytes.size());
    for (char c : bytes) {
        text += hex_digits[static_cast<unsigned char>(c) >> 4];
        text += hex_digits[static_cast<unsigned char>(c) & 15];
    }
    return text;
}

std::optional<std::string> from_hex(std::string_view text) {
    if (text.size() % 2 != 0 || text.find_first_not_of(hex_digits) != std::string_view::npos)
        return std::nullopt;
    std::string bytes;
    bytes.reserve(text.size() / 2);
    for (std::size_t i = 0; i < text.size(); i += 2)
        bytes += static_cast<char>(hex_digits.find(text[i]) * 16 + hex_digits.find(text[i + 1]));
    return bytes;
}

void Chain::Freed::operator()(evp_md_ctx_st* context) const { EVP_MD_CTX_free(context); }

Chain::Chain() : context_(EVP_MD_CTX_new()) {
    // The digest is looked up here and once; later initialisations reuse it.
    if (!context_ || EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) != 1)
        throw std::bad_alloc();
}
Chain::~Chain() = default;
Chain::Chain(Chain&&) noexcept = default;
Chain& Chain::operator=(Chain&&) noexcept = default;

Link Chain::next(const Link& previous, std::string_view key, Millis time, std::string_view record) {
    Link link;
    link.number = previous.number + 1;
    link.bytes = previous.bytes + key.size() + stamp_bytes + record.size() + link_bytes;
    // All of fixed length but the record, which comes last, or with its length before it.
    const std::string head = Encoder(96)
                                 .raw(view(previous.hash))
                                 .u64(link.number)
                                 .u64(link.bytes)
                                 .i64(time)
                                 .text(key)
                                 .take();
    EVP_MD_CTX* context = context_.get();
    auto* out = reinterpret_cast<unsigned char*>(link.hash.data());
    // Hashing memory cannot fail; if it ever did, no record must pass for linked.
    if (EVP_DigestInit_ex(context, nullptr, nullptr) != 1 ||
        EVP_DigestUpdate(context, head.data(), head.size()) != 1 ||
        EVP_DigestUpdate(context, record.data(), record.size()) != 1 ||
        EVP_DigestFinal_ex(context, out, nullptr) != 1)
        throw std::bad_alloc();
    return link;
}

void Chain::link(std::string_view key, Millis time, std::string& value) {
    head_ = next(head_, key, time, value);
    value += encode(head_);
}

}   // namespace grid::storage
