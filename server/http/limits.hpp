// server/http/limits.hpp: bounds of the HTTP side that are not configurable.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace grid::server::http {

inline constexpr std::uint32_t header_bytes_max = 16 * 1024;
/// Read and not taken apart yet: also a chunk's extensions, and what stands behind the last chunk,
/// which count for no other bound.
inline constexpr std::size_t ahead_bytes_max = 64 * 1024;
inline constexpr std::chrono::seconds handshake_seconds_max{10};
inline constexpr std::chrono::seconds header_seconds_max{10
};   // from its first byte, and the first
inline constexpr std::chrono::seconds idle_seconds_max{60};            // between two requests
inline constexpr std::chrono::seconds stranger_idle_seconds_max{10};   // of no known administrator
inline constexpr std::chrono::seconds body_seconds_max{30};
inline constexpr std::chrono::seconds answer_seconds_max{60};   // for the client to take it
inline constexpr std::chrono::seconds stranger_answer_seconds_max{10};
inline constexpr std::chrono::seconds goodbye_seconds_max{2};

// Of probes in plain HTTP (probe.hpp).
inline constexpr std::size_t probes_max = 16;
inline constexpr std::uint32_t probe_bytes_max = 4 * 1024;
inline constexpr std::chrono::seconds probe_seconds_max{5};

}   // namespace grid::server::http
