// controller/credentials/totp.cpp: see controller/credentials/totp.hpp.
#include "controller/credentials/totp.hpp"

#include <algorithm>

#include "controller/credentials/scram.hpp"
#include "xml/percent.hpp"

namespace grid::controller {

namespace {

constexpr std::size_t digits_of_code = 6;
constexpr std::uint32_t codes = 1'000'000;
constexpr std::uint64_t steps_of_drift = 1;

unsigned byte_at(std::string_view bytes, std::size_t at) {
    return static_cast<unsigned char>(bytes.at(at));
}

}   // namespace

std::uint64_t totp_step_at(storage::Millis now) {
    return now < 0 ? 0 : static_cast<std::uint64_t>(now / totp_step_ms);
}

/// RFC 4226 §5.3.
std::string totp_code(std::string_view secret, std::uint64_t step) {
    std::string counter;
    for (unsigned shift = 64; shift != 0; shift -= 8)
        counter += static_cast<char>((step >> (shift - 8)) & 0xFFU);
    const std::string hash = keyed_digest(ScramHash::Sha1, secret, counter);
    const std::size_t at = byte_at(hash, hash.size() - 1) & 0xFU;
    const std::uint32_t number = ((byte_at(hash, at) & 0x7FU) << 24U) |
                                 (byte_at(hash, at + 1) << 16U) | (byte_at(hash, at + 2) << 8U) |
                                 byte_at(hash, at + 3);
    std::string code = std::to_string(number % codes);
    return code.insert(0, digits_of_code - code.size(), '0');
}

std::optional<std::uint64_t> find_totp_step(
    std::string_view secret, std::string_view code, storage::Millis now, std::uint64_t last
) {
    const std::uint64_t present = totp_step_at(now);
    std::optional<std::uint64_t> found;
    for (std::uint64_t i = 0; i <= 2 * steps_of_drift; ++i) {
        const std::uint64_t step = present + i - std::min(present, steps_of_drift);
        const std::string expected = totp_code(secret, step);
        const bool fits = code.size() == expected.size() && are_equal(code, expected);
        if (fits && step > last) found = step;
    }
    return found;
}

std::string to_base32(std::string_view bytes) {
    constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    std::string text;
    std::uint32_t bits = 0;
    unsigned held = 0;
    for (const char c : bytes) {
        bits = (bits << 8U) | static_cast<unsigned char>(c);
        for (held += 8; held >= 5; held -= 5) text += letters[(bits >> (held - 5)) & 31U];
    }
    if (held > 0) text += letters[(bits << (5 - held)) & 31U];
    return text;
}

std::string otpauth_uri(
    std::string_view issuer, std::string_view account, std::string_view secret
) {
    const std::string by = xml::percent_encoded(issuer);
    return "otpauth://totp/" + by + ":" + xml::percent_encoded(account) +
           "?secret=" + to_base32(secret) + "&issuer=" + by + "&algorithm=SHA1&digits=6&period=30";
}

}   // namespace grid::controller
