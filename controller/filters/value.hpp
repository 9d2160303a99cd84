// controller/filters/value.hpp: typed values of filters: one spelling each, and bytes that
// compare as the values do.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace grid::controller::filters {

/// Stored: DO NOT CHANGE the values.
enum class Type : std::uint8_t { String = 0, Number = 1, Date = 2, Address = 3, Boolean = 4 };

std::string_view to_string(Type type);
std::optional<Type> parse_type(std::string_view text);

/// Longest value that is compared, in a filter or in a payload.
inline constexpr std::size_t value_bytes_max = 1024;

/// The one spelling of that value: NFC; `01.50` is `1.5`; dates in UTC; addresses as RFC 5952 has
/// them. nullopt when the text is not of the type.
std::optional<std::string> canonical_value(Type type, std::string_view text);
/// Bytes of a canonical value: as strings they compare (<, ==) as the values do.
std::string value_key(Type type, std::string_view canonical);

/// `10.0.0.0/8`: a block of addresses, as the keys of its addresses begin.
struct Network {
    std::string address;   // 16 bytes, those beyond `bits` are 0
    unsigned bits = 0;     // of 128

    bool contains(std::string_view key) const;
    bool operator==(const Network&) const = default;
};
std::optional<Network> parse_network(std::string_view text);
std::string to_string(const Network& network);

}   // namespace grid::controller::filters
