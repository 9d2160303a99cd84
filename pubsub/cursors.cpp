// pubsub/cursors.cpp: see cursors.hpp.
#include "pubsub/cursors.hpp"

#include <openssl/evp.h>

#include <array>
#include <stdexcept>

namespace grid::pubsub {

namespace {

constexpr std::size_t block_bytes = 16, number_bytes = 8;
using Block = std::array<unsigned char, block_bytes>;
/// Bits of a block for the index of a message; places have an index that no message has.
constexpr unsigned index_bits = 16;
constexpr std::uint64_t place_index = 0xffff;

struct FreeContext {
    void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, FreeContext>;

CipherContext context_of(const std::string& key, bool encrypts) {
    CipherContext context(EVP_CIPHER_CTX_new());
    const auto* bytes = reinterpret_cast<const unsigned char*>(key.data());
    if (!context || EVP_CipherInit_ex(
                        context.get(), EVP_aes_256_ecb(), nullptr, bytes, nullptr, encrypts ? 1 : 0
                    ) != 1)
        throw std::runtime_error("AES is not available");
    EVP_CIPHER_CTX_set_padding(context.get(), 0);
    return context;
}

Block run(EVP_CIPHER_CTX* context, const Block& in) {
    Block out{};
    int bytes = 0;
    if (EVP_CipherUpdate(context, out.data(), &bytes, in.data(), block_bytes) != 1 ||
        bytes != block_bytes)
        throw std::runtime_error("AES failed");
    return out;
}

void put(Block& block, std::size_t at, std::uint64_t number) {
    for (std::size_t i = number_bytes; i-- > 0; number >>= 8)
        block[at + i] = static_cast<unsigned char>(number & 0xff);
}

std::uint64_t number_in(const Block& block, std::size_t at) {
    std::uint64_t number = 0;
    for (std::size_t i = 0; i < number_bytes; ++i) number = number << 8 | block[at + i];
    return number;
}

constexpr std::string_view hex_digits = "0123456789abcdef";

std::string to_hex(const Block& block) {
    std::string out;
    for (const unsigned char byte : block) {
        out.push_back(hex_digits[byte >> 4]);
        out.push_back(hex_digits[byte & 0xf]);
    }
    return out;
}

std::optional<Block> from_hex(std::string_view text) {
    if (text.size() != 2 * block_bytes) return std::nullopt;
    Block block{};
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto digit = static_cast<unsigned>(hex_digits.find(text[i]));
        if (digit >= hex_digits.size()) return std::nullopt;
        const unsigned before = block[i / 2];
        block[i / 2] = static_cast<unsigned char>((before << 4U | digit) & 0xffU);
    }
    return block;
}

}   // namespace

struct Cursors::Ciphers {
    CipherContext seal, open;
};

Cursors::Cursors(std::string_view key) {
    std::string bytes(key.substr(0, key_bytes));
    bytes.resize(key_bytes, '\0');
    ciphers_ =
        std::make_unique<Ciphers>(Ciphers{context_of(bytes, true), context_of(bytes, false)});
}

Cursors::~Cursors() = default;

std::string Cursors::seal(std::uint64_t about, storage::Revision revision) const {
    Block block{};
    put(block, 0, about);
    put(block, number_bytes, revision);
    return to_hex(run(ciphers_->seal.get(), block));
}

std::optional<Cursors::Message> Cursors::open(std::string_view text) const {
    const auto sealed = from_hex(text);
    if (!sealed) return std::nullopt;
    const Block block = run(ciphers_->open.get(), *sealed);
    return Message{number_in(block, 0), number_in(block, number_bytes)};
}

std::string Cursors::place(std::uint64_t node, storage::Revision revision) const {
    return seal(node << index_bits | place_index, revision);
}

std::optional<storage::Revision> Cursors::find_place(std::uint64_t node, std::string_view text)
    const {
    const auto opened = open(text);
    if (!opened || opened->node != (node << index_bits | place_index)) return std::nullopt;
    return opened->revision;
}

std::string Cursors::message(std::uint64_t node, storage::Revision revision, unsigned index) const {
    return seal(node << index_bits | index % place_index, revision);
}

std::optional<Cursors::Message> Cursors::find_message(std::string_view text) const {
    auto opened = open(text);
    if (!opened || (opened->node & place_index) == place_index) return std::nullopt;
    opened->node >>= index_bits;
    return opened;
}

}   // namespace grid::pubsub
