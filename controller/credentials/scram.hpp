// controller/credentials/scram.hpp: the arithmetic of SCRAM (RFC 5802 §3, RFC 7677), without
// messages.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace grid::controller {

/// Durable (controller/credentials/credentials.cpp): DO NOT CHANGE THESE VALUES.
enum class ScramHash : std::uint8_t { Sha1 = 1, Sha256 = 2, Sha512 = 3 };
inline constexpr ScramHash scram_hashes[] = {ScramHash::Sha1, ScramHash::Sha256, ScramHash::Sha512};
/// "SHA-256", as in the names of mechanisms.
std::string_view to_string(ScramHash hash);

/// Kept in place of a password. None of it logs in by itself.
struct ScramKeys {
    std::string salt;
    std::uint32_t iterations = 0;
    std::string stored_key, server_key;
    bool operator==(const ScramKeys&) const = default;
};

/// Of `iterations` (RFC 7677 §4 names the lower one).
inline constexpr std::uint32_t iterations_min = 4'096, iterations_max = 1'000'000;

/// The keys of a prepared password. Costs `iterations` hashes: milliseconds, on the reader pool.
ScramKeys derive_keys(
    ScramHash hash, std::string_view password, std::string salt, std::uint32_t iterations
);

std::string digest(ScramHash hash, std::string_view text);
std::string keyed_digest(ScramHash hash, std::string_view key, std::string_view text);
/// Takes the same time wherever the texts differ. Lengths are no secret.
bool are_equal(std::string_view one, std::string_view other);
/// The bytes of both, one by one; of equal length.
std::string exclusive_or(std::string one, std::string_view other);

/// Digests that this thread has made, keyed ones and iterations too: tests compare what a login
/// costs, whether its account exists or not.
inline thread_local std::uint64_t digests_made = 0;

}   // namespace grid::controller
