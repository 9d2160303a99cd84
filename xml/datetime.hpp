// xml/datetime.hpp: timestamps on the wire (XEP-0082).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace grid::xml {

/// Milliseconds since 1970-01-01T00:00:00Z.
using Millis = std::int64_t;

/// `2026-11-01T12:00:00.123Z`, always UTC and with milliseconds.
std::string to_datetime(Millis time);
/// Any XEP-0082 DateTime, with offset or Z; nothing when it is malformed or no real date.
std::optional<Millis> parse_datetime(std::string_view text);

}   // namespace grid::xml
