// controller/credentials/tokens.hpp: secrets with which one installation of a client comes back
// (XEP-0484), as records and in memory.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "storage/batch.hpp"

namespace grid::controller {

struct Token {
    std::string secret;   // as the client has it; it is needed to check a proof
    storage::Millis expires = 0;
    bool operator==(const Token&) const = default;
};

/// Of one installation. They are good while the account has the password of that generation, or
/// with the certificate of that key.
struct ClientTokens {
    std::string generation;                // of the credentials, or generation_of_key
    std::string mechanism;                 // the only one that they are for
    std::optional<Token> current, fresh;   // fresh: given out, and not used yet
    storage::Revision revision = 0;        // of the record; not stored in it
    bool operator==(const ClientTokens&) const = default;
};
std::string tokens_key(std::string_view jid, std::string_view client);
std::string encode(const ClientTokens& tokens);
/// nullopt when the bytes cannot be understood.
std::optional<ClientTokens> decode_tokens(std::string_view value);

/// A login that asks for a token, or came by one.
struct TokenWish {
    std::string client;      // id of the installation: XEP-0388 §2.3
    std::string mechanism;   // of the token that is asked for; empty: none is
    std::string used;        // the secret that it came by; empty: by a password or a certificate
    bool invalidates = false;
    bool is_any() const { return !mechanism.empty() || !used.empty(); }
};

/// Of tokens that a login by certificate was given: `key` as in Identity. No password's generation
/// looks so.
std::string generation_of_key(std::string_view key);

inline constexpr std::size_t client_bytes_max = 128;
/// Of one account; beyond, the one that expires first goes.
inline constexpr std::size_t token_clients_max = 32;

/// All tokens in memory, a function of their records alone. Core strand.
class TokenTable {
public:
    /// `rest` of the key behind the tag and the kind.
    void apply(std::string_view rest, const std::optional<storage::Record>& record);
    /// Null: none.
    const ClientTokens* find(std::string_view jid, std::string_view client) const;
    /// Erases all of an account.
    void erase_all(storage::Batch& batch, std::string_view jid) const;

    /// The effect of a login's wish: a batch, without operations where all is as it should be,
    /// and a new token where there is to be one. `secret` is for that.
    struct Change {
        storage::Batch batch;
        std::optional<Token> issued;
    };
    Change change(
        std::string_view jid,
        std::string_view generation,
        const TokenWish& wish,
        std::string secret,
        storage::Millis now,
        storage::Millis lifetime
    ) const;
    bool operator==(const TokenTable&) const = default;

private:
    using Clients = std::map<std::string, ClientTokens, std::less<>>;
    void make_room(storage::Batch& batch, std::string_view jid, std::string_view client) const;

    std::map<std::string, Clients, std::less<>> by_jid_;
};

}   // namespace grid::controller
