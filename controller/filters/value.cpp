// controller/filters/value.cpp: see value.hpp.
#include "controller/filters/value.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "controller/text/nfc.hpp"
#include "xml/datetime.hpp"

namespace grid::controller::filters {

namespace {

constexpr std::array<std::string_view, 5> type_names{
    "string", "number", "date", "address", "boolean"
};
/// Digits before and behind the point: far more than any count needs, and one byte tells the
/// length.
constexpr std::size_t digits_max = 64;
constexpr std::size_t mapped_bytes = 12;   // of ::ffff:0:0/96

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string_view trimmed_blanks(std::string_view text) {
    constexpr std::string_view blanks = " \t\r\n";
    const std::size_t first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

/// xs:decimal: no exponent, any number of digits up to digits_max.
std::optional<std::string> canonical_number(std::string_view text) {
    const bool is_negative = text.starts_with('-');
    if (is_negative || text.starts_with('+')) text.remove_prefix(1);
    const std::size_t point = text.find('.');
    std::string_view whole = text.substr(0, point);
    std::string_view part = point == std::string_view::npos ? "" : text.substr(point + 1);
    if (whole.empty() && part.empty()) return std::nullopt;
    if (!std::ranges::all_of(whole, is_digit) || !std::ranges::all_of(part, is_digit))
        return std::nullopt;
    while (whole.starts_with('0')) whole.remove_prefix(1);
    while (part.ends_with('0')) part.remove_suffix(1);
    if (whole.size() > digits_max || part.size() > digits_max) return std::nullopt;
    if (whole.empty() && part.empty()) return "0";
    std::string out(is_negative ? "-" : "");
    out.append(whole.empty() ? "0" : whole);
    if (!part.empty()) out.append(".").append(part);
    return out;
}

/// Sign, number of digits before the point, digits; of negative ones all bytes turned round.
std::string number_key(std::string_view text) {
    const bool is_negative = text.starts_with('-');
    if (is_negative) text.remove_prefix(1);
    const std::size_t point = text.find('.');
    std::string_view whole = text.substr(0, point);
    if (whole == "0") whole = {};   // 0.5 has no digits before the point
    std::string key(1, static_cast<char>(whole.size()));
    key.append(whole);
    if (point != std::string_view::npos) key.append(text.substr(point + 1));
    if (!is_negative) return "\x01" + key;
    for (char& c : key) c = static_cast<char>(~static_cast<unsigned char>(c));
    return std::string(1, '\0') + key + "\xff";
}

std::optional<std::string> canonical_date(std::string_view text) {
    constexpr std::size_t day_bytes = 10;   // 2026-11-22, for midnight UTC
    const auto time = text.size() == day_bytes
                          ? xml::parse_datetime(std::string(text) + "T00:00:00Z")
                          : xml::parse_datetime(text);
    if (!time) return std::nullopt;
    return xml::to_datetime(*time);
}

std::string date_key(std::string_view text) {
    const auto time = static_cast<std::uint64_t>(xml::parse_datetime(text).value_or(0));
    const std::uint64_t ordered = time ^ (std::uint64_t{1} << 63);
    std::string key;
    for (int shift = 56; shift >= 0; shift -= 8)
        key.push_back(static_cast<char>((ordered >> shift) & 0xff));
    return key;
}

std::string mapped_prefix() {
    std::string prefix(mapped_bytes, '\0');
    prefix[10] = prefix[11] = '\xff';
    return prefix;
}

/// 16 bytes; of IPv4 the mapped form.
std::optional<std::string> address_bytes(std::string_view text) {
    if (text.size() > INET6_ADDRSTRLEN) return std::nullopt;
    const std::string zero_ended(text);
    std::array<char, 16> bytes{};
    if (inet_pton(AF_INET, zero_ended.c_str(), bytes.data()) == 1)
        return mapped_prefix() + std::string(bytes.data(), 4);
    if (inet_pton(AF_INET6, zero_ended.c_str(), bytes.data()) == 1)
        return std::string(bytes.data(), bytes.size());
    return std::nullopt;
}

std::string address_text(const std::string& bytes) {
    std::array<char, INET6_ADDRSTRLEN> out{};
    if (bytes.starts_with(mapped_prefix()))
        inet_ntop(AF_INET, bytes.data() + mapped_bytes, out.data(), out.size());
    else
        inet_ntop(AF_INET6, bytes.data(), out.data(), out.size());
    return out.data();
}

}   // namespace

std::string_view to_string(Type type) { return type_names.at(static_cast<std::size_t>(type)); }

std::optional<Type> parse_type(std::string_view text) {
    const auto found = std::ranges::find(type_names, text);
    if (found == type_names.end()) return std::nullopt;
    return static_cast<Type>(found - type_names.begin());
}

std::optional<std::string> canonical_value(Type type, std::string_view text) {
    if (text.size() > value_bytes_max) return std::nullopt;
    if (type == Type::String) return to_nfc(text);
    text = trimmed_blanks(text);
    switch (type) {
        case Type::Number:
            return canonical_number(text);
        case Type::Date:
            return canonical_date(text);
        case Type::Address:
            if (const auto bytes = address_bytes(text)) return address_text(*bytes);
            return std::nullopt;
        default:
            if (text == "true" || text == "1") return "true";
            if (text == "false" || text == "0") return "false";
            return std::nullopt;
    }
}

std::string value_key(Type type, std::string_view canonical) {
    if (type == Type::Number) return number_key(canonical);
    if (type == Type::Date) return date_key(canonical);
    if (type == Type::Address) return address_bytes(canonical).value_or("");
    return std::string(canonical);
}

bool Network::contains(std::string_view key) const {
    if (key.size() != address.size()) return false;
    const std::size_t whole = bits / 8, rest = bits % 8;
    if (key.substr(0, whole) != std::string_view(address).substr(0, whole)) return false;
    if (rest == 0) return true;
    const auto mask = static_cast<unsigned char>(0xffU << (8 - rest));
    return (static_cast<unsigned char>(key[whole]) & mask) ==
           static_cast<unsigned char>(address[whole]);
}

std::optional<Network> parse_network(std::string_view text) {
    text = trimmed_blanks(text);
    const std::size_t slash = text.find('/');
    if (slash == std::string_view::npos) return std::nullopt;
    auto bytes = address_bytes(text.substr(0, slash));
    if (!bytes) return std::nullopt;
    const bool is_short = text.substr(0, slash).find(':') == std::string_view::npos;
    const std::string_view digits = text.substr(slash + 1);
    unsigned bits = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
    if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
    if (bits > (is_short ? 32U : 128U)) return std::nullopt;
    if (is_short) bits += 8 * mapped_bytes;
    Network network{std::move(*bytes), bits};
    for (std::size_t at = 0; at < network.address.size(); ++at) {
        const unsigned used = bits <= 8 * at ? 0 : std::min<unsigned>(8, bits - 8 * unsigned(at));
        const auto mask = static_cast<unsigned char>(0xff00U >> used);
        network.address[at] =
            static_cast<char>(static_cast<unsigned char>(network.address[at]) & mask);
    }
    return network;
}

std::string to_string(const Network& network) {
    const bool is_short =
        network.bits >= 8 * mapped_bytes && network.address.starts_with(mapped_prefix());
    if (is_short)
        return address_text(network.address) + "/" +
               std::to_string(network.bits - 8 * mapped_bytes);
    std::array<char, INET6_ADDRSTRLEN> out{};
    inet_ntop(AF_INET6, network.address.data(), out.data(), out.size());
    return std::string(out.data()) + "/" + std::to_string(network.bits);
}

}   // namespace grid::controller::filters
