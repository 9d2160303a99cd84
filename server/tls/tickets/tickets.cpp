// server/tls/tickets/tickets.cpp: see tickets.hpp.
#include "server/tls/tickets/tickets.hpp"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <mutex>

namespace grid::server::tls {
namespace {

using Clock = std::chrono::steady_clock;
using Name = std::array<unsigned char, 16>;   // by which OpenSSL finds a key

struct CipherDeleter {
    void operator()(EVP_CIPHER* cipher) const { EVP_CIPHER_free(cipher); }
};
using CipherPtr = std::unique_ptr<EVP_CIPHER, CipherDeleter>;

constexpr std::size_t iv_bytes = 16;   // of AES in CBC

struct TicketKey {
    Name name{};
    std::array<unsigned char, 32> cipher{}, mac{};
    Clock::time_point made;
    bool is_made = false;

    TicketKey() = default;
    TicketKey(const TicketKey&) = default;
    TicketKey& operator=(const TicketKey&) = default;
    ~TicketKey() {
        OPENSSL_cleanse(cipher.data(), cipher.size());
        OPENSSL_cleanse(mac.data(), mac.size());
    }
};

/// The keys of one context. Any thread.
class TicketKeys {
public:
    explicit TicketKeys(std::chrono::seconds lifetime)
        : lifetime_(lifetime), aes_(EVP_CIPHER_fetch(nullptr, "AES-256-CBC", nullptr)) {}

    const EVP_CIPHER* aes() const { return aes_.get(); }

    /// Not made: there is no chance to be had.
    TicketKey to_seal() {
        const std::lock_guard lock(mutex_);
        const auto now = Clock::now();
        if (current_.is_made && now - current_.made < lifetime_) return current_;
        TicketKey fresh;
        fresh.is_made = RAND_bytes(fresh.name.data(), fresh.name.size()) == 1 &&
                        RAND_priv_bytes(fresh.cipher.data(), fresh.cipher.size()) == 1 &&
                        RAND_priv_bytes(fresh.mac.data(), fresh.mac.size()) == 1;
        fresh.made = now;
        previous_ = current_;
        current_ = fresh;
        return current_;
    }

    /// Not made: there is none of that name, or not any more.
    TicketKey to_open(const unsigned char* name) {
        const std::lock_guard lock(mutex_);
        const auto now = Clock::now();
        for (TicketKey* key : {&current_, &previous_}) {
            if (!key->is_made || std::memcmp(name, key->name.data(), key->name.size()) != 0)
                continue;
            if (now - key->made < 2 * lifetime_) return *key;
            *key = {};
        }
        return {};
    }

private:
    const std::chrono::seconds lifetime_;
    CipherPtr aes_;
    std::mutex mutex_;
    TicketKey current_, previous_;
};

void free_keys(void*, void* keys, CRYPTO_EX_DATA*, int, long, void*) {
    delete static_cast<TicketKeys*>(keys);
}

int keys_slot() {
    static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, free_keys);
    return index;
}

bool set_mac_key(EVP_MAC_CTX* mac, TicketKey& key) {
    char digest[] = "SHA256";
    const std::array params{
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key.mac.data(), key.mac.size()),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    return EVP_MAC_CTX_set_params(mac, params.data()) == 1;
}

/// For SSL_CTX_set_tlsext_ticket_key_evp_cb. 0: no ticket, or a full handshake.
int on_ticket_key(
    SSL* ssl,
    unsigned char* name,
    unsigned char* iv,
    EVP_CIPHER_CTX* cipher,
    EVP_MAC_CTX* mac,
    int is_sealing
) {
    if (SSL_version(ssl) < TLS1_3_VERSION) return 0;
    // Of the context that took over (tls/renewal), whose CAs judge the client.
    auto* keys = static_cast<TicketKeys*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), keys_slot()));
    if (keys == nullptr || keys->aes() == nullptr) return 0;
    TicketKey key = is_sealing != 0 ? keys->to_seal() : keys->to_open(name);
    if (!key.is_made || !set_mac_key(mac, key)) return 0;
    if (is_sealing == 0)
        return EVP_DecryptInit_ex2(cipher, keys->aes(), key.cipher.data(), iv, nullptr) == 1;
    if (RAND_bytes(iv, iv_bytes) != 1) return 0;
    std::ranges::copy(key.name, name);
    return EVP_EncryptInit_ex2(cipher, keys->aes(), key.cipher.data(), iv, nullptr) == 1;
}

void append_number(std::string& out, std::uint64_t number, int bytes) {
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
        out.push_back(static_cast<char>(number >> static_cast<unsigned>(shift)));
}

std::optional<std::uint64_t> take_number(std::string_view& bytes, std::size_t size) {
    if (bytes.size() < size) return std::nullopt;
    std::uint64_t number = 0;
    for (const char byte : bytes.substr(0, size))
        number = number << 8U | static_cast<unsigned char>(byte);
    bytes.remove_prefix(size);
    return number;
}

std::string der_of(const X509* certificate) {
    unsigned char* bytes = nullptr;
    const int size = i2d_X509(certificate, &bytes);
    std::string der;
    if (size > 0) der.assign(reinterpret_cast<char*>(bytes), static_cast<std::size_t>(size));
    OPENSSL_free(bytes);
    return der;
}

}   // namespace

std::string to_bytes(const Ticket& ticket) {
    std::string out;
    append_number(out, static_cast<std::uint64_t>(ticket.proved), 8);
    append_number(out, ticket.verdict.size(), 4);
    out += ticket.verdict;
    for (const std::string& one : ticket.chain) {
        append_number(out, one.size(), 4);
        out += one;
    }
    return out;
}

std::optional<Ticket> read_ticket(std::string_view bytes) {
    Ticket ticket;
    const auto proved = take_number(bytes, 8);
    if (!proved) return std::nullopt;
    ticket.proved = static_cast<storage::Millis>(*proved);
    const auto verdict_size = take_number(bytes, 4);
    if (!verdict_size || *verdict_size > bytes.size()) return std::nullopt;
    ticket.verdict = bytes.substr(0, *verdict_size);
    bytes.remove_prefix(*verdict_size);
    while (!bytes.empty()) {
        const auto size = take_number(bytes, 4);
        if (!size || *size == 0 || *size > bytes.size()) return std::nullopt;
        ticket.chain.emplace_back(bytes.substr(0, *size));
        bytes.remove_prefix(*size);
    }
    return ticket;
}

void accept_tickets(SSL_CTX* context, std::chrono::seconds lifetime) {
    auto keys = std::make_unique<TicketKeys>(lifetime);
    if (SSL_CTX_set_ex_data(context, keys_slot(), keys.get()) != 1) return;
    (void)keys.release();
    // A session belongs to the context in which its client was verified.
    std::array<unsigned char, 16> id{};
    if (RAND_bytes(id.data(), id.size()) != 1) return;
    SSL_CTX_set_session_id_context(context, id.data(), id.size());
    SSL_CTX_set_tlsext_ticket_key_evp_cb(context, on_ticket_key);
    SSL_CTX_clear_options(context, SSL_OP_NO_TICKET);
}

std::optional<Ticket> resumed_ticket_of(SSL* ssl) {
    if (ssl == nullptr || SSL_session_reused(ssl) != 1) return std::nullopt;
    void* data = nullptr;
    std::size_t size = 0;
    SSL_SESSION_get0_ticket_appdata(SSL_get_session(ssl), &data, &size);
    return read_ticket({static_cast<const char*>(data), data != nullptr ? size : 0});
}

std::optional<Ticket> ticket_for(SSL* ssl, storage::Millis now) {
    Ticket ticket;
    ticket.proved = now;
    const X509* own = SSL_get0_peer_certificate(ssl);
    if (own == nullptr) return ticket;
    ticket.chain.push_back(der_of(own));
    const STACK_OF(X509)* sent = SSL_get_peer_cert_chain(ssl);
    for (int i = 0; sent != nullptr && i < sk_X509_num(sent); ++i)
        ticket.chain.push_back(der_of(sk_X509_value(sent, i)));
    std::size_t bytes = 0;
    for (const std::string& one : ticket.chain) bytes += one.size();
    const bool is_whole = std::ranges::none_of(ticket.chain, &std::string::empty);
    if (!is_whole || bytes > ticket_chain_bytes_max) return std::nullopt;
    return ticket;
}

}   // namespace grid::server::tls
