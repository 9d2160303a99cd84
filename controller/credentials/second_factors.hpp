// controller/credentials/second_factors.hpp: the second factors of accounts that sign in to the
// console by password: a secret for codes by time, and recovery codes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "controller/credentials/totp.hpp"
#include "storage/batch.hpp"

namespace grid::controller {

inline constexpr std::size_t recovery_codes_max = 10;

/// Of one account. The secret is kept as it is, since codes are made from it; recovery codes are
/// kept as their SHA-256, and each is taken once.
struct SecondFactor {
    storage::Millis account = 0;   // when its account was made: of a later one it is no factor
    std::string secret;
    std::uint64_t last_step = 0;         // of the last code that was taken
    std::vector<std::string> recovery;   // raw digests

    storage::Revision revision = 0;   // of its record; not stored in it

    /// Another one after each enrolment; tells nothing of the secret.
    std::string id() const;
    bool operator==(const SecondFactor&) const = default;
};
std::string second_factor_key(std::string_view jid);
std::string encode(const SecondFactor& factor);
/// nullopt when the bytes cannot be understood.
std::optional<SecondFactor> decode_second_factor(std::string_view value);

/// With the recovery codes, which are shown once ("abcd-efgh-…", 80 bits each). `seed` is 128
/// random bits or more, and used once.
struct Enrolment {
    SecondFactor factor;
    std::vector<std::string> recovery_codes;
};
Enrolment enrol_second_factor(std::string_view seed, storage::Millis account);

/// The factor after that code was taken; nullopt: the code is none, or was taken before. Blanks and
/// dashes do not matter, nor do capitals. Takes the same time whatever the code is.
std::optional<SecondFactor> take_code(
    const SecondFactor& factor, std::string_view code, storage::Millis now
);

/// All of them in memory, a function of their records alone. Core strand.
class SecondFactors {
public:
    void apply(std::string_view jid, const std::optional<storage::Record>& record);
    /// The record of that name, whichever account it was made for; null: none.
    const SecondFactor* at(std::string_view jid) const;
    /// Of the account of that name that was made at that time; null: none.
    const SecondFactor* find(std::string_view jid, storage::Millis account) const;
    /// A factor that nobody has, for the work of a code that is measured against none.
    static const SecondFactor& of_nobody();

private:
    std::unordered_map<std::string, SecondFactor> by_jid_;
};

}   // namespace grid::controller
