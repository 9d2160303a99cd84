// controller/credentials/totp.hpp: time-based one-time passwords (RFC 6238, RFC 4226): SHA-1, six
// digits, steps of 30 seconds, as every authenticator app has them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "storage/batch.hpp"

namespace grid::controller {

inline constexpr std::size_t totp_secret_bytes = 20;   // RFC 4226 §4, R6: 160 bits
inline constexpr storage::Millis totp_step_ms = 30'000;

/// The number of the step that a time (milliseconds since 1970) is in.
std::uint64_t totp_step_at(storage::Millis now);
/// Six digits.
std::string totp_code(std::string_view secret, std::uint64_t step);
/// The step whose code that is: the present one, the one before or the one after (RFC 6238 §5.2),
/// but later than `last`, so that a code is taken once. Takes the same time whatever the code is.
std::optional<std::uint64_t> find_totp_step(
    std::string_view secret, std::string_view code, storage::Millis now, std::uint64_t last
);

/// RFC 4648 §6, without padding.
std::string to_base32(std::string_view bytes);
/// Authenticator apps read it, as text or as a QR code: otpauth://totp/ISSUER:ACCOUNT?secret=…
std::string otpauth_uri(std::string_view issuer, std::string_view account, std::string_view secret);

}   // namespace grid::controller
