// controller/credentials/credentials.hpp: keys that stand for accounts' passwords, as records and
// in memory.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "controller/credentials/scram.hpp"
#include "controller/credentials/tokens.hpp"
#include "storage/batch.hpp"

namespace grid::controller {

/// Of one account. The account's record names the generation: credentials of another one are of no
/// use, so that a password and the rights of its sessions change by one record.
struct Credentials {
    std::string generation;   // 128 bits as hex; new with each password
    std::map<ScramHash, ScramKeys> keys;
    bool operator==(const Credentials&) const = default;
};
std::string credentials_key(std::string_view jid);
std::string encode(const Credentials& credentials);
/// nullopt when the bytes cannot be understood.
std::optional<Credentials> decode_credentials(std::string_view value);

/// RFC 4013 (SASLprep), as clients prepare what is typed; nothing when the password is refused, or
/// is not of 1 to 1023 bytes.
std::optional<std::string> prepare_password(std::string_view text);
inline constexpr const char* password_rule =
    "a password has 1 to 1023 bytes of UTF-8, without control characters (RFC 4013)";

/// Keys of a prepared password for every hash. `seed` is 128 random bits or more, and used once.
/// Takes tens of milliseconds: on the reader pool.
Credentials make_credentials(
    std::string_view password, std::string_view seed, std::uint32_t iterations
);

/// A digest of the text in hexadecimal digits (SHA-256).
std::string digest_in_hex(std::string_view text);

/// The question of a login by password.
struct LoginQuestion {
    std::string name;   // a bare JID; where the client gave none, the text that it gave
    ScramHash hash = ScramHash::Sha256;
    std::string password = {};   // to be compared; empty: the client proves that it knows it
    std::string client = {};     // whose tokens are asked for, too; empty: none
    /// The key of the certificate that the connection has shown, and that may speak for the name:
    /// tokens that were given to it count, too. Empty: there is none.
    std::string key = {};
};
/// The answer. A name without a password gets keys that nobody has, the same each time, so that its
/// login goes the same way and ends at the proof.
struct LoginKeys {
    ScramKeys keys;
    std::string generation;    // empty: there is no such account, or it has no password
    std::string refused;       // not to be tried now: why, for a person
    bool fits_given = false;   // the password that was given with the question
    /// Of the client that the question names, the newest first, and the mechanism they are for.
    std::vector<Token> tokens;
    std::string token_mechanism;
    bool are_of_key = false;   // the tokens are the certificate's, not the password's
    storage::Millis now = 0;   // when this was looked up: tokens expire
};

/// All credentials in memory, a function of their records alone. Core strand.
class CredentialTable {
public:
    /// `rest` of the key behind the tag.
    void apply(std::string_view rest, const std::optional<storage::Record>& record);
    /// Null: none.
    const Credentials* find(std::string_view jid) const;
    std::size_t size() const { return by_jid_.size(); }
    /// `generation`: of the account's record, empty where there is none or it has no password. The
    /// work is the same in all cases. `iterations` are those that a new password would get.
    LoginKeys login_keys(
        std::string_view name, std::string_view generation, ScramHash hash, std::uint32_t iterations
    ) const;

    /// The secret behind the keys of names that have none. It outlives restarts: a salt that
    /// changed would tell that there is no such account.
    bool has_secret() const { return !secret_.empty(); }
    static storage::Batch make_secret(std::string_view random_bytes);

private:
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const {
            return std::hash<std::string_view>{}(text);
        }
    };
    std::unordered_map<std::string, Credentials, Hash, std::equal_to<>> by_jid_;
    std::string secret_;
};

}   // namespace grid::controller
