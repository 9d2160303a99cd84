// controller/credentials/salted_password.hpp: the slow step of SCRAM (RFC 5802 §2.2).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace grid::controller {

enum class ScramHash : std::uint8_t;   // controller/credentials/scram.hpp

/// Hi(), which is PBKDF2 with HMAC: from it come the keys of both sides. A secret as the password
/// is. Costs `iterations` hashes: milliseconds.
std::string salted_password(
    ScramHash hash, std::string_view password, std::string_view salt, std::uint32_t iterations
);

}   // namespace grid::controller
