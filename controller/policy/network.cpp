// controller/policy/network.cpp: addresses and networks from text.
#include "controller/policy/network.hpp"

#include <arpa/inet.h>

#include <charconv>

namespace grid::controller::policy {

namespace {

constexpr std::size_t address_bytes_max = 64;

std::uint64_t big_endian(const unsigned char* bytes, int count) {
    std::uint64_t value = 0;
    for (int i = 0; i < count; ++i) value = value << 8 | bytes[i];
    return value;
}

std::uint64_t high_bits(unsigned count) {
    if (count == 0) return 0;
    return count >= 64 ? ~std::uint64_t{0} : ~std::uint64_t{0} << (64 - count);
}

/// The mask of that many leading bits.
std::array<std::uint64_t, 2> mask_of(bool is_v6, unsigned prefix) {
    if (!is_v6) return {~std::uint64_t{0}, high_bits(32 + prefix)};
    return {high_bits(prefix), high_bits(prefix > 64 ? prefix - 64 : 0)};
}

/// "192.0.2.1:40000", "[2001:db8::1]:40000": sessions are shown with their port.
std::string_view without_port(std::string_view text) {
    if (text.starts_with('[')) {
        const std::size_t end = text.find(']');
        return end == std::string_view::npos ? std::string_view{} : text.substr(1, end - 1);
    }
    const std::size_t colon = text.find(':');
    return colon != std::string_view::npos && colon == text.rfind(':') ? text.substr(0, colon)
                                                                       : text;
}

}   // namespace

std::optional<Address> parse_address(std::string_view text) {
    text = without_port(text);
    text = text.substr(0, text.find('%'));
    if (text.empty() || text.size() > address_bytes_max) return std::nullopt;
    const std::string copy(text);   // inet_pton wants an end
    std::array<unsigned char, 16> bytes{};
    if (inet_pton(AF_INET, copy.c_str(), bytes.data()) == 1)
        return Address{false, {0, big_endian(bytes.data(), 4)}};
    if (inet_pton(AF_INET6, copy.c_str(), bytes.data()) != 1) return std::nullopt;
    const std::uint64_t high = big_endian(bytes.data(), 8), low = big_endian(bytes.data() + 8, 8);
    if (high == 0 && low >> 32 == 0xffff) return Address{false, {0, low & 0xffffffff}};
    return Address{true, {high, low}};
}

std::optional<Network> parse_network(std::string_view text, std::string& error) {
    const std::size_t slash = text.find('/');
    const std::string_view before = text.substr(0, slash);
    const auto address = parse_address(before);
    if (!address || before.find('%') != std::string_view::npos || before != without_port(before)) {
        error = "a network as 10.0.0.0/8 or 2001:db8::/32";
        return std::nullopt;
    }
    const unsigned longest = address->is_v6 ? 128 : 32;
    unsigned prefix = longest;
    if (slash != std::string_view::npos) {
        const std::string_view digits = text.substr(slash + 1);
        const auto [end, failure] =
            std::from_chars(digits.data(), digits.data() + digits.size(), prefix);
        if (failure != std::errc{} || end != digits.data() + digits.size() || prefix > longest) {
            error = "a prefix length from 0 to " + std::to_string(longest) + " behind the /";
            return std::nullopt;
        }
    }
    const Network network{*address, mask_of(address->is_v6, prefix)};
    // The bits behind the prefix suggest a typing mistake: better to refuse than to guess the
    // network.
    if ((address->bits[0] & ~network.mask[0]) != 0 || (address->bits[1] & ~network.mask[1]) != 0) {
        error = "a network without bits behind its prefix length";
        return std::nullopt;
    }
    return network;
}

}   // namespace grid::controller::policy
